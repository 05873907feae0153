/**
 * Writes the part of Perfetto's native trace format that is needed: packets of track descriptors and track events. The
 * field numbers are from github.com/google/perfetto, protos/perfetto/trace/{trace,trace_packet}.proto,
 * interned_data/interned_data.proto, profiling/profile_common.proto (InternedString) and track_event/{track_event,
 * track_descriptor,process_descriptor,counter_descriptor,debug_annotation}.proto.
 *
 * All packets form one sequence, whose timestamps need not increase: trace processor sorts a file as a whole, and keeps
 * the order of the file for equal times (src/trace_processor/sorter/trace_sorter.h).
 */

import { PbfWriter } from "pbf";

/** An argument of an event; addresses are shown in hexadecimal. */
export interface Argument {
  readonly name: string;
  readonly value: string | number;
  readonly isAddress: boolean;
}

export interface Track {
  readonly name: string;
  /** Uuid of the track that this one is shown under. */
  readonly parent?: number;
  /** Position among the children of its parent, if those are ordered. */
  readonly rank?: number;
  readonly isOrdered?: boolean;
  readonly isCounter?: boolean;
  /** Pid of the process that the track represents. */
  readonly pid?: number;
}

const Trace = { packet: 1 };
const Packet = {
  timestamp: 8,
  sequenceId: 10,
  trackEvent: 11,
  internedData: 12,
  sequenceFlags: 13,
  trackDescriptor: 60,
  firstOnSequence: 87,
};
const SequenceFlag = { cleared: 1, needsState: 2 };
const Descriptor = { uuid: 1, name: 2, process: 3, parent: 5, counter: 8, childOrdering: 11, rank: 12 };
const EXPLICIT_ORDER = 3;
const Process = { pid: 1, name: 6 };
const Event = { categoryIids: 3, annotations: 4, type: 9, nameIid: 10, track: 11, counterValue: 30 };
const EventType = { begin: 1, end: 2, instant: 3, counter: 4 };
const Annotation = { nameIid: 1, int: 4, string: 6, pointer: 7, stringIid: 17 };
/** Kinds of interned text; each field of InternedData has its own index. */
const Interned = { categories: 1, eventNames: 2, annotationNames: 3, strings: 29 };
const Entry = { iid: 1, text: 2 };

const SEQUENCE = 1;
/** Packets are passed on in pieces of about this many bytes. */
const pieceBytes = 64 * 1024;
/** Only shorter strings are interned, since longer ones rarely repeat. */
const internedLength = 32;

interface EventFields {
  type: number;
  track: number;
  atNs: number;
  name: number;
  category: number;
  args: readonly Argument[];
  value: number;
}

export class PerfettoWriter {
  private readonly pbf = new PbfWriter(new Uint8Array(2 * pieceBytes));
  private readonly known = new Map(
    Object.values(Interned).map((field) => [field, new Map<string, number>()]),
  );
  private tracks = 0;
  private readonly event: EventFields = {
    type: 0,
    track: 0,
    atNs: 0,
    name: 0,
    category: 0,
    args: [],
    value: 0,
  };

  constructor(private readonly write: (piece: Uint8Array) => void) {
    this.packet(writeFirst, undefined);
  }

  /** @returns the uuid that identifies the track in its events */
  track(track: Track): number {
    const uuid = ++this.tracks;
    this.packet(writeTrack, { ...track, uuid });
    return uuid;
  }

  /** Times are whole ns. Slices of one track nest, and those with equal times are written in order. */
  begin(track: number, atNs: number, name: string, category: string, args: readonly Argument[]): void {
    this.named(EventType.begin, track, atNs, name, category, args);
  }

  end(track: number, atNs: number): void {
    const { event } = this;
    event.type = EventType.end;
    event.track = track;
    event.atNs = atNs;
    this.packet(this.writeEvent, event);
  }

  instant(track: number, atNs: number, name: string, category: string, args: readonly Argument[]): void {
    this.named(EventType.instant, track, atNs, name, category, args);
  }

  /** Sets the value of a counter from this time on. */
  count(track: number, atNs: number, value: number): void {
    const { event } = this;
    event.type = EventType.counter;
    event.track = track;
    event.atNs = atNs;
    event.value = value;
    this.packet(this.writeEvent, event);
  }

  flush(): void {
    const { pbf } = this;
    this.write(pbf.buf.subarray(0, pbf.pos));
    pbf.pos = 0;
  }

  private named(
    type: number,
    track: number,
    atNs: number,
    name: string,
    category: string,
    args: readonly Argument[],
  ): void {
    const { event } = this;
    event.type = type;
    event.track = track;
    event.atNs = atNs;
    event.name = this.intern(Interned.eventNames, name);
    event.category = this.intern(Interned.categories, category);
    for (const arg of args) {
      this.intern(Interned.annotationNames, arg.name);
      if (isInterned(arg.value)) this.intern(Interned.strings, arg.value);
    }
    event.args = args;
    this.packet(this.writeEvent, event);
  }

  /** The number of an interned text, which is written in a packet before its first use. */
  private intern(field: number, text: string): number {
    const known = this.known.get(field) as Map<string, number>;
    let iid = known.get(text);
    if (iid === undefined) {
      iid = known.size + 1;
      known.set(text, iid);
      this.packet(writeInterned, { field, iid, text });
    }
    return iid;
  }

  private packet<T>(fields: (of: T, pbf: PbfWriter) => void, of: T): void {
    const { pbf } = this;
    pbf.writeMessage(Trace.packet, fields, of);
    if (pbf.pos >= pieceBytes) this.flush();
  }

  private readonly writeEvent = (event: EventFields, pbf: PbfWriter): void => {
    pbf.writeVarintField(Packet.timestamp, event.atNs);
    writeSequence(pbf);
    pbf.writeMessage(Packet.trackEvent, this.writeTrackEvent, event);
  };

  private readonly writeTrackEvent = (event: EventFields, pbf: PbfWriter): void => {
    const { type } = event;
    pbf.writeVarintField(Event.type, type);
    pbf.writeVarintField(Event.track, event.track);
    if (type === EventType.counter) pbf.writeVarintField(Event.counterValue, event.value);
    if (type !== EventType.begin && type !== EventType.instant) return;
    pbf.writeVarintField(Event.nameIid, event.name);
    pbf.writeVarintField(Event.categoryIids, event.category);
    for (const arg of event.args) pbf.writeMessage(Event.annotations, this.writeAnnotation, arg);
  };

  private readonly writeAnnotation = ({ name, value, isAddress }: Argument, pbf: PbfWriter): void => {
    pbf.writeVarintField(Annotation.nameIid, this.intern(Interned.annotationNames, name));
    if (isInterned(value)) pbf.writeVarintField(Annotation.stringIid, this.intern(Interned.strings, value));
    else if (typeof value === "string") pbf.writeStringField(Annotation.string, value);
    else pbf.writeVarintField(isAddress ? Annotation.pointer : Annotation.int, value);
  };
}

function isInterned(value: string | number): value is string {
  return typeof value === "string" && value.length <= internedLength;
}

function writeSequence(pbf: PbfWriter): void {
  pbf.writeVarintField(Packet.sequenceId, SEQUENCE);
  pbf.writeVarintField(Packet.sequenceFlags, SequenceFlag.needsState);
}

function writeFirst(_: undefined, pbf: PbfWriter): void {
  pbf.writeVarintField(Packet.sequenceId, SEQUENCE);
  pbf.writeVarintField(Packet.sequenceFlags, SequenceFlag.cleared);
  pbf.writeBooleanField(Packet.firstOnSequence, true);
}

interface NumberedTrack extends Track {
  readonly uuid: number;
}

function writeTrack(track: NumberedTrack, pbf: PbfWriter): void {
  writeSequence(pbf);
  pbf.writeMessage(Packet.trackDescriptor, writeDescriptor, track);
}

function writeDescriptor(track: NumberedTrack, pbf: PbfWriter): void {
  const { uuid, name, pid, parent, isCounter, isOrdered, rank } = track;
  pbf.writeVarintField(Descriptor.uuid, uuid);
  pbf.writeStringField(Descriptor.name, name);
  if (pid !== undefined) pbf.writeMessage(Descriptor.process, writeProcess, track);
  if (parent !== undefined) pbf.writeVarintField(Descriptor.parent, parent);
  if (isCounter) pbf.writeMessage(Descriptor.counter, () => {}, track);
  if (isOrdered) pbf.writeVarintField(Descriptor.childOrdering, EXPLICIT_ORDER);
  if (rank !== undefined) pbf.writeVarintField(Descriptor.rank, rank);
}

function writeProcess({ pid, name }: Track, pbf: PbfWriter): void {
  pbf.writeVarintField(Process.pid, pid as number);
  pbf.writeStringField(Process.name, name);
}

function writeInterned(
  entry: { readonly field: number; readonly iid: number; readonly text: string },
  pbf: PbfWriter,
): void {
  writeSequence(pbf);
  pbf.writeMessage(Packet.internedData, writeIndex, entry);
}

function writeIndex(
  entry: { readonly field: number; readonly iid: number; readonly text: string },
  pbf: PbfWriter,
): void {
  pbf.writeMessage(entry.field, writeEntry, entry);
}

function writeEntry({ iid, text }: { readonly iid: number; readonly text: string }, pbf: PbfWriter): void {
  pbf.writeVarintField(Entry.iid, iid);
  pbf.writeStringField(Entry.text, text);
}
