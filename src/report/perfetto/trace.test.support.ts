/** Reads a Perfetto trace with protobufjs, and holds it to the rules of the format. */

import protobuf from "protobufjs";
import { expect } from "vitest";

/**
 * What the writer uses, as published: github.com/google/perfetto, protos/perfetto/trace/{trace,trace_packet}.proto,
 * interned_data/interned_data.proto, profiling/profile_common.proto, track_event/*.proto.
 */
const { root } = protobuf.parse(
  `
  syntax = "proto2";
  message Trace { repeated TracePacket packet = 1; }
  message TracePacket {
    optional uint64 timestamp = 8;
    optional uint32 trusted_packet_sequence_id = 10;
    optional TrackEvent track_event = 11;
    optional InternedData interned_data = 12;
    optional uint32 sequence_flags = 13;
    optional TrackDescriptor track_descriptor = 60;
    optional bool first_packet_on_sequence = 87;
  }
  message InternedData {
    repeated InternedName event_categories = 1;
    repeated InternedName event_names = 2;
    repeated InternedName debug_annotation_names = 3;
    repeated InternedName debug_annotation_string_values = 29;
  }
  message InternedName { optional uint64 iid = 1; optional string name = 2; }
  message TrackDescriptor {
    optional uint64 uuid = 1;
    optional string name = 2;
    optional ProcessDescriptor process = 3;
    optional uint64 parent_uuid = 5;
    optional CounterDescriptor counter = 8;
    enum ChildTracksOrdering { UNKNOWN = 0; LEXICOGRAPHIC = 1; CHRONOLOGICAL = 2; EXPLICIT = 3; }
    optional ChildTracksOrdering child_ordering = 11;
    optional int32 sibling_order_rank = 12;
  }
  message ProcessDescriptor { optional int32 pid = 1; optional string process_name = 6; }
  message CounterDescriptor { }
  message TrackEvent {
    repeated uint64 category_iids = 3 [packed = false];
    repeated DebugAnnotation debug_annotations = 4;
    enum Type { TYPE_UNSPECIFIED = 0; TYPE_SLICE_BEGIN = 1; TYPE_SLICE_END = 2; TYPE_INSTANT = 3; TYPE_COUNTER = 4; }
    optional Type type = 9;
    optional uint64 name_iid = 10;
    optional uint64 track_uuid = 11;
    optional int64 counter_value = 30;
  }
  message DebugAnnotation {
    oneof name_field { uint64 name_iid = 1; string name = 10; }
    oneof value {
      bool bool_value = 2; uint64 uint_value = 3; int64 int_value = 4; double double_value = 5;
      string string_value = 6; uint64 pointer_value = 7; uint64 string_value_iid = 17;
    }
  }`,
  { keepCase: true },
);

interface Annotation {
  name_iid: number;
  string_value?: string;
  string_value_iid?: number;
  int_value?: number;
  pointer_value?: number;
}
interface Packet {
  timestamp?: number;
  trusted_packet_sequence_id: number;
  sequence_flags: number;
  first_packet_on_sequence?: boolean;
  interned_data?: Record<string, { iid: number; name: string }[]>;
  track_descriptor?: {
    uuid: number;
    name: string;
    parent_uuid?: number;
    process?: { pid: number; process_name: string };
    counter?: object;
    sibling_order_rank?: number;
  };
  track_event?: {
    type: string;
    track_uuid: number;
    name_iid?: number;
    category_iids?: number[];
    counter_value?: number;
    debug_annotations?: Annotation[];
  };
}

export interface ReadSlice {
  /** Names of the tracks above it, the process first. */
  readonly path: readonly string[];
  readonly name: string;
  readonly category: string;
  readonly startNs: number;
  endNs: number;
  /** The slices that it lies in; 0 = on its track itself. */
  readonly depth: number;
  readonly args: Readonly<Record<string, string | number>>;
}

/** Cheaper than an expectation for each of a million packets. */
function demand(isSo: boolean, rule: string, of: unknown): void {
  if (!isSo) throw new Error(`${rule}: ${JSON.stringify(of)}`);
}

export interface ReadTrace {
  readonly slices: readonly ReadSlice[];
  readonly instants: readonly ReadSlice[];
  /** By the names of its tracks, joined by "/": values in order of time. */
  readonly counters: ReadonlyMap<string, readonly (readonly [atNs: number, value: number])[]>;
}

/** Expects the rules to hold. */
export function readPerfetto(bytes: Uint8Array): ReadTrace {
  const type = root.lookupType("Trace");
  const message = type.decode(bytes);
  // What the schema does not know is dropped: then less comes out.
  expect(type.encode(message).finish().length).toBe(bytes.length);
  const packets = (message as unknown as { packet: protobuf.Message[] }).packet;
  const packetType = root.lookupType("TracePacket");
  const names = new Map<string, string>();
  const text = (field: string, iid: number) => {
    const known = names.get(`${field} ${iid}`);
    if (known === undefined) throw new Error(`${field} ${iid}: not told before it is used`);
    return known;
  };
  const paths = new Map<number, readonly string[]>();
  const counterTracks = new Set<number>();
  const pids = new Set<number>();
  const open = new Map<number, ReadSlice[]>();
  const lastNs = new Map<number, number>();
  const slices: ReadSlice[] = [];
  const instants: ReadSlice[] = [];
  const counters = new Map<string, (readonly [number, number])[]>();
  for (const [i, encoded] of packets.entries()) {
    const packet = packetType.toObject(encoded, { longs: Number, enums: String }) as Packet;
    demand(packet.trusted_packet_sequence_id === 1, "one sequence", packet);
    // SEQ_INCREMENTAL_STATE_CLEARED first and once, SEQ_NEEDS_INCREMENTAL_STATE from then on.
    demand(packet.sequence_flags === (i === 0 ? 1 : 2), "the sequence's state", packet);
    demand((packet.first_packet_on_sequence ?? false) === (i === 0), "the sequence's beginning", packet);
    for (const [field, entries] of Object.entries(packet.interned_data ?? {})) {
      for (const { iid, name } of entries) {
        expect(iid).toBeGreaterThan(0);
        expect(names.has(`${field} ${iid}`)).toBe(false);
        names.set(`${field} ${iid}`, name);
      }
    }
    const track = packet.track_descriptor;
    if (track !== undefined) {
      expect(track.uuid).toBeGreaterThan(0);
      expect(paths.has(track.uuid)).toBe(false);
      const above = track.parent_uuid === undefined ? [] : paths.get(track.parent_uuid);
      if (above === undefined) throw new Error(`track ${track.name}: its parent is not told before it`);
      paths.set(track.uuid, [...above, track.name]);
      expect(track.process !== undefined).toBe(above.length === 0);
      if (track.process !== undefined) {
        expect(pids.has(track.process.pid)).toBe(false);
        pids.add(track.process.pid);
      }
      if (track.counter !== undefined) counterTracks.add(track.uuid);
    }
    const event = packet.track_event;
    if (event === undefined) continue;
    const path = paths.get(event.track_uuid);
    if (path === undefined)
      throw new Error(`an event on track ${event.track_uuid}, which is not told before it`);
    const atNs = packet.timestamp as number;
    demand(atNs >= 0, "a time", packet);
    demand(
      (event.type === "TYPE_COUNTER") === counterTracks.has(event.track_uuid),
      "values on counters",
      packet,
    );
    if (event.type !== "TYPE_INSTANT") {
      // Sorted by time, equal times as they come: so is each track by itself, and its ends are those of its begins.
      demand(atNs >= (lastNs.get(event.track_uuid) ?? 0), `${path.join("/")} in order of time`, packet);
      lastNs.set(event.track_uuid, atNs);
    }
    const stack = open.get(event.track_uuid) ?? [];
    open.set(event.track_uuid, stack);
    if (event.type === "TYPE_COUNTER") {
      const counter = counters.get(path.join("/")) ?? [];
      counters.set(path.join("/"), counter);
      counter.push([atNs, event.counter_value as number]);
    } else if (event.type === "TYPE_SLICE_END") {
      const slice = stack.pop();
      if (slice === undefined) throw new Error(`${path.join("/")}: a slice ends that has not begun`);
      slice.endNs = atNs;
      slices.push(slice);
    } else {
      const slice: ReadSlice = {
        path,
        name: text("event_names", event.name_iid as number),
        category: (event.category_iids ?? []).map((iid) => text("event_categories", iid)).join(),
        startNs: atNs,
        endNs: atNs,
        depth: stack.length,
        args: Object.fromEntries(
          (event.debug_annotations ?? []).map((note) => [
            text("debug_annotation_names", note.name_iid),
            note.string_value_iid !== undefined
              ? text("debug_annotation_string_values", note.string_value_iid)
              : (note.string_value ?? note.int_value ?? (note.pointer_value as number)),
          ]),
        ),
      };
      if (event.type === "TYPE_INSTANT") instants.push(slice);
      else stack.push(slice);
    }
  }
  for (const [track, stack] of open) expect([paths.get(track), stack.length]).toEqual([paths.get(track), 0]);
  return { slices, instants, counters };
}
