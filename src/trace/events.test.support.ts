/** For tests: a whole trace as plain objects, strings resolved and absent fields left out. */

import { Readable } from "node:stream";
import { type OpenTraceOptions, openWith } from "../import/open-trace.js";
import { type EventBatch, eventNames, NO_LEVEL, NO_RET, NONE, Phase, type TraceSource } from "./event.js";

export type PlainEvent = Record<string, number | string>;

export interface Outcome {
  readonly events: PlainEvent[];
  readonly source: TraceSource | undefined;
  /** The error's message, if there was one. */
  readonly error: string | undefined;
}

/** Reads a trace given as text or bytes. `learn` false: without the fast path. */
export async function readAll(
  input: string | Uint8Array,
  options: OpenTraceOptions = {},
  learn = true,
): Promise<Outcome> {
  const events: PlainEvent[] = [];
  let source: TraceSource | undefined;
  try {
    source = await openWith(Readable.from([Buffer.from(input)]), { name: "t", ...options }, learn);
    for await (const batch of source.batches()) {
      for (let row = 0; row < batch.count; row++) events.push(plainEvent(source, batch, row));
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { events, source, error: error.message };
  }
  return { events, source, error: undefined };
}

function plainEvent(source: TraceSource, batch: EventBatch, row: number): PlainEvent {
  const text = (id: number): string | number => (id === NONE ? NONE : source.strings.text(id));
  const all: PlainEvent = {
    atNs: batch.atNs[row]!,
    event: eventNames[batch.kind[row]!]!,
    pid: batch.pid[row]!,
    cpu: batch.cpu[row]!,
    line: batch.line[row]!,
    comm: text(batch.comm[row]!),
    pgt: text(batch.pgt[row]!),
    addr: batch.addr[row]!,
    size: batch.size[row]!,
    phys: batch.phys[row]!,
    esr: batch.esr[row]!,
    farLow: batch.farLow[row]!,
    farHigh: batch.farHigh[row]!,
    prot: batch.prot[row]!,
    level: batch.level[row] === NO_LEVEL ? NONE : batch.level[row]!,
    ret: batch.ret[row] === NO_RET ? "none" : batch.ret[row]!,
    vm: text(batch.vm[row]!),
    vcpu: batch.vcpu[row]!,
    tgid: batch.tgid[row]!,
    slot: batch.slot[row]!,
    text: text(batch.text[row]!),
    phase: batch.phase[row]!,
    write: batch.write[row]!,
    amount: batch.amount[row]!,
    thinkNs: batch.thinkNs[row]!,
  };
  const absent: PlainEvent = {
    ...Object.fromEntries(Object.keys(all).map((key) => [key, NONE])),
    ret: "none",
  };
  for (const column of ["esr", "farLow", "farHigh", "write"]) absent[column] = 0;
  absent.phase = Phase.none;
  return Object.fromEntries(
    Object.entries(all).filter(
      ([key, value]) => !Number.isNaN(value) && (value !== absent[key] || key === "atNs"),
    ),
  );
}
