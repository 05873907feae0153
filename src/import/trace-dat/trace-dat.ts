/**
 * trace.dat, as trace-cmd records it, versions 6 and 7: read as its man pages and the format files in it say.
 *
 * Of a host's file that names guests (GUEST) only the host's own events are here; a guest's own file is put on its
 * host's time by the samples it carries (TIME_SHIFT), as trace-cmd report does. Kernel symbols are passed over.
 */

import { TraceFormatError, UnsupportedTraceError, UsageError } from "../../errors.js";
import { DataEnd } from "../../trace/byte-source.js";
import type { HeaderFields } from "../../trace/header.js";
import { LineProblem } from "../../trace/ndjson/line-values.js";
import type { Moment, Task } from "../event-writer.js";
import type { Importer, Recording, RecordingInput } from "../importer.js";
import type { RandomAccess } from "../random-access.js";
import type { CpuCursor } from "./cpu-cursor.js";
import { EventPlan } from "./event-plan.js";
import type { MergedEvents } from "./merged-events.js";
import { Damage } from "./metadata.js";
import { isTraceDat, TraceDatFile } from "./trace-dat-file.js";

/** Events a step. */
const STEP_EVENTS = 4096;
/** Threads remembered at a time. */
const MAX_TASKS = 65536;
const granules = [4096, 16384, 65536];

export const traceDat: Importer = {
  format: "trace.dat",
  recognises: isTraceDat,
  open: (input) => openTraceDat(input),
};

async function openTraceDat(input: RecordingInput): Promise<Recording> {
  const bytes = await input.openFile();
  try {
    const file = await TraceDatFile.open(bytes, input.instance);
    input.describe(await headerOf(file));
    return new TraceDatRecording(input, bytes, file);
  } catch (error) {
    await bytes.close();
    throw named(error, input.file, bytes.dataEnd);
  }
}

async function headerOf(file: TraceDatFile): Promise<HeaderFields> {
  const { facts, pageSize } = file.layout;
  // `Linux HOST RELEASE MACHINE`
  const [, release, machine] = / (\S+) (\S+)$/.exec(facts.uname ?? "") ?? [];
  if (machine !== undefined && machine !== "aarch64")
    throw new UnsupportedTraceError(`was recorded on ${machine}, expected aarch64`);
  const clock = file.clock();
  const lost = await file.untoldLosses();
  return {
    ...(release === undefined ? {} : { kernel: release }),
    ...(granules.includes(pageSize) ? { granule: pageSize } : {}),
    ...(clock === undefined ? {} : { clock }),
    ...(facts.version === undefined ? {} : { source: `trace-cmd ${facts.version}` }),
    ...(facts.cpus === undefined || facts.cpus === 0 ? {} : { cpus: facts.cpus }),
    ...(lost === undefined ? {} : { lost_events: lost }),
  };
}

/** As the user reads it. */
function named(error: unknown, file: string, packedEnd: DataEnd | undefined): unknown {
  if (error instanceof Damage) return new TraceFormatError(`${file}: at byte ${error.atByte}`, error.problem);
  if (error instanceof DataEnd) return new TraceFormatError(file, (packedEnd ?? error).problem);
  if (error instanceof UnsupportedTraceError) return new UnsupportedTraceError(`${file}: ${error.message}`);
  return error instanceof UsageError ? new UsageError(`${file}: ${error.message}`) : error;
}

class TraceDatRecording implements Recording {
  readonly origin = "byte";
  private readonly plans = new Map<number, EventPlan | undefined>();
  private readonly tasks = new Map<number, Task>();
  private readonly moment: Moment;
  private events: MergedEvents | undefined;

  constructor(
    readonly input: RecordingInput,
    readonly bytes: RandomAccess,
    readonly file: TraceDatFile,
  ) {
    this.moment = { seconds: 0, nanos: 0, decimals: 9, cpu: 0, task: this.task(0) };
  }

  async step(): Promise<boolean> {
    this.events ??= await this.open();
    const events = this.events;
    for (let count = 0; count < STEP_EVENTS; count++) {
      if (events.ended.length > 0) this.tellEnds(events);
      const cursor = events.first;
      if (cursor === undefined) {
        const cut = this.bytes.dataEnd ?? events.cut;
        if (cut !== undefined) throw cut;
        return false;
      }
      this.write(cursor);
      if (!events.advance()) await events.refill();
    }
    return true;
  }

  close(): Promise<void> {
    return this.bytes.close();
  }

  private open(): Promise<MergedEvents> {
    const { input } = this;
    return this.file.events((atByte, problem) => {
      input.writer.origin = atByte;
      input.refuse(problem);
    });
  }

  private write(cursor: CpuCursor): void {
    const { writer } = this.input;
    writer.origin = cursor.fileByte;
    if (cursor.losses.length > 0) this.tellLosses(cursor);
    try {
      const { typeOffset, typeSize, pidOffset } = this.file.common;
      const { view, at, littleEndian } = cursor;
      if (cursor.length < Math.max(typeOffset + typeSize, pidOffset + 4))
        throw new LineProblem("record too short", `${cursor.length} bytes, expected the common fields`);
      const type = at + typeOffset;
      const id =
        typeSize === 2
          ? view.getUint16(type, littleEndian)
          : typeSize === 4
            ? view.getUint32(type, littleEndian)
            : view.getUint8(type);
      const plan = this.plan(id);
      if (plan === undefined)
        throw new LineProblem("event without a format", `an event of type ${id}, which has no format here`);
      if (cursor.seconds < 0)
        throw new LineProblem("time below 0", "a time that the file's offset makes negative");
      const moment = this.moment;
      moment.seconds = cursor.seconds;
      moment.nanos = cursor.nanos;
      moment.cpu = cursor.cpu;
      moment.task = this.task(view.getInt32(at + pidOffset, littleEndian));
      plan.write(cursor, moment);
    } catch (error) {
      if (!(error instanceof LineProblem)) throw error;
      this.input.refuse(error);
    }
  }

  private plan(id: number): EventPlan | undefined {
    let plan = this.plans.get(id);
    if (plan === undefined && !this.plans.has(id)) {
      const format = this.file.layout.formats.of(id);
      plan = format === undefined ? undefined : new EventPlan(format, this.input.writer);
      this.plans.set(id, plan);
    }
    return plan;
  }

  private task(pid: number): Task {
    let task = this.tasks.get(pid);
    if (task === undefined) {
      if (this.tasks.size === MAX_TASKS) this.tasks.clear();
      const { comms, facts } = this.file.layout;
      // As trace-cmd calls the idle task, and one whose name was not saved.
      const comm = comms.get(pid) ?? (pid === 0 ? "<idle>" : "<...>");
      task = this.input.writer.task(pid, comm, facts.tgids.get(pid));
      this.tasks.set(pid, task);
    }
    return task;
  }

  private tellLosses(cursor: CpuCursor): void {
    for (const count of cursor.losses.splice(0)) this.input.writer.lose(cursor.cpu, count);
  }

  /** Of cpus whose data ended in a loss. */
  private tellEnds(events: MergedEvents): void {
    for (const cursor of events.ended.splice(0)) this.tellLosses(cursor);
  }
}
