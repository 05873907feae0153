/**
 * The text of `trace-cmd report -t` -> the lines of `s2replay-trace/1`, one line at a time.
 *
 *  kvm_page_table_-187   [001]     2.609528304: s2_map:    (ffff80000808c070) pgt=0xffff00.. addr=0x180000 ..
 *  comm (cut to 15 characters, may hold anything) - pid [cpu] seconds: event: (address) the probe's k=v
 *
 * What the text cannot say is worked out from the order of events: the names of a selftest's stages, and
 * where tracing was off. Events that the format does not know keep their line (time, cpu, pid, comm and
 * name), so that a reader can count them; their own fields are dropped.
 */
import { TraceFormatError } from "../errors.js";
import type { TraceHeader } from "./event.js";
import { GapFinder, type Stage, StageNames } from "./import/recorded-order.js";
import { isKnown, readPairs, writeFields } from "./trace-cmd-report-fields.js";

export interface ReportOptions {
  /** What errors call the input. */
  readonly file: string;
  /** Header fields that the text does not carry; `cpus` is taken from the text. */
  readonly header?: Omit<TraceHeader, "schema">;
  /** Names of the stages that `stage` and `stage_end` mark; those of kvm_page_table_test where absent. */
  readonly stages?: readonly Stage[];
}

/** What became of the lines, complete after the last one. */
export interface ReportSummary {
  lines: number;
  /** Lines written for events of the text, gaps and losses included. */
  events: number;
  gaps: number;
  /** Events that the ring buffer lost, where the text says how many. */
  lostEvents: number;
  /** Probes that say nothing a replay needs, by name. */
  readonly ignored: Map<string, number>;
  /** Events that the format does not know, by name. */
  readonly unknown: Map<string, number>;
  /** Orders that cannot have happened and that no silence explains. */
  readonly oddities: string[];
}

/** Probe names in use -> the wire's. Any other name stands for itself. */
const wireNames = new Map<string, string>([
  ["abort", "s2_abort"],
  ["abort_ret", "s2_abort_ret"],
  ["s2_wp", "s2_wrprotect"],
  ["s2_wp_ret", "s2_wrprotect_ret"],
  ["s2_relax", "s2_relax_perms"],
  ["s2_relax_ret", "s2_relax_perms_ret"],
  ["teardown", "s2_teardown"],
  ["teardown_ret", "s2_teardown_ret"],
]);

/** memslot2 repeats memslot (its trigger switched tracing); the others say nothing that memslot and s2_map do not. */
const ignoredNames = new Set(["memslot2", "commit", "free_unlinked", "kvm_set_spte_hva"]);

const eventLine = /^\s*(.{0,15})-(\d+)\s+\[(\d+)\]\s+(?:\S{4,6}\s+)?0*(\d+\.\d{1,9}):\s+([^\s:]+):\s*(.*)$/su;
const droppedLine = /^CPU:(\d+) \[(?:(\d+) )?EVENTS DROPPED\]\s*$/;
const cpusLine = /^cpus=(\d+)\s*$/;
const emptyCpuLine = /^CPU \d+ is empty\s*$/;

/** Whether a file that starts like this is the text of `trace-cmd report` (not tracefs, which opens with `#`). */
export function recognises(head: string): boolean {
  const first = head.split("\n").find((line) => line.trim() !== "" && !emptyCpuLine.test(line));
  return first !== undefined && (cpusLine.test(first) || droppedLine.test(first) || eventLine.test(first));
}

export class TraceCmdReport {
  readonly summary: ReportSummary = {
    lines: 0,
    events: 0,
    gaps: 0,
    lostEvents: 0,
    ignored: new Map(),
    unknown: new Map(),
    oddities: [],
  };
  private readonly stages: StageNames;
  private readonly calls = new GapFinder();
  private header: string | undefined;
  private cpus: number | undefined;
  /** Time of the last event, as printed. */
  private last: string | undefined;
  private readonly dropped: { cpu: number; count: string | undefined }[] = [];

  constructor(private readonly options: ReportOptions) {
    this.stages = new StageNames(options.stages);
  }

  /** The NDJSON for one line of text, without a newline at its end: several lines where a header or a gap comes first. */
  convert(line: string): string | undefined {
    this.summary.lines++;
    const cpus = cpusLine.exec(line);
    if (cpus !== null) this.cpus = Number(cpus[1]);
    if (cpus !== null || line.trim() === "" || emptyCpuLine.test(line)) return undefined;
    const dropped = droppedLine.exec(line);
    if (dropped !== null) {
      this.dropped.push({ cpu: Number(dropped[1]), count: dropped[2] });
      this.calls.forget();
      this.summary.lostEvents += Number(dropped[2] ?? 0);
      return undefined;
    }
    const [, comm, pid, cpu, ts, name, detail] = eventLine.exec(line) ?? [];
    if (comm === undefined || ts === undefined || name === undefined || detail === undefined) {
      throw this.error(
        `expected a line of trace-cmd report -t (comm-pid [cpu] seconds: event: ..), got ${excerpt(line)}`,
      );
    }
    const common = `{"ts":${ts},"cpu":${Number(cpu)},"pid":${Number(pid)},"comm":${JSON.stringify(comm)},"event":`;
    try {
      return this.event(Number(pid), ts, common, name, detail);
    } catch (error) {
      throw error instanceof RangeError ? this.error(error.message) : error;
    }
  }

  /** What the last line left to say. */
  end(): string | undefined {
    return this.last === undefined ? undefined : this.emit(this.losses(this.last));
  }

  private event(pid: number, ts: string, common: string, name: string, detail: string): string | undefined {
    const losses = this.losses(ts);
    const event = wireNames.get(name) ?? name;
    const gap = this.gap(pid, ts, event);
    this.last = ts;
    if (ignoredNames.has(event)) {
      tally(this.summary.ignored, event);
      return this.emit([...losses, ...gap]);
    }
    return this.emit([...losses, ...gap, common + this.body(pid, event, detail)]);
  }

  /** The line from the event's name on. */
  private body(pid: number, event: string, detail: string): string {
    if (event === "stage") return mark(this.stages.begin(pid), "begin");
    if (event === "stage_end") return mark(this.stages.end(pid), "end");
    if (event === "print") return mark(detail.replace(/^\S+: /, "").trimEnd());
    if (!isKnown(event)) {
      tally(this.summary.unknown, event);
      return `${JSON.stringify(event)}}`;
    }
    const pairs = readPairs(event, detail);
    if (event === "memslot") this.stages.setSlot(pid, pairs);
    return `"${event}"${writeFields(event, pairs)}}`;
  }

  /** The line of a gap, where this event shows that tracing was off just before it. */
  private gap(pid: number, ts: string, event: string): string[] {
    const silence = this.last === undefined ? 0 : Number(ts) - Number(this.last);
    this.calls.listen(silence);
    if (event === "memslot_ret") this.calls.leave(pid, "memslot");
    if (event === "stage_end") this.calls.leave(pid, "stage");
    if (event !== "memslot" && event !== "stage") return [];
    const entered = this.calls.enter(pid, event, silence);
    if (entered === "possible") return [];
    if (entered !== "gap") {
      this.summary.oddities.push(
        `${this.where()}: thread ${pid} enters ${event} while in ${entered.still}: events are missing before it`,
      );
      return [];
    }
    this.summary.gaps++;
    return [`{"ts":${this.last},"pid":0,"event":"gap","until":${ts}}`];
  }

  /** The text reports a loss before the first event that its cpu recorded after it, without a time: it takes that one's. */
  private losses(ts: string): string[] {
    return this.dropped
      .splice(0)
      .map(
        ({ cpu, count }) =>
          `{"ts":${ts},"cpu":${cpu},"pid":0,"event":"lost_events"${count === undefined ? "" : `,"count":${count}`}}`,
      );
  }

  private emit(lines: readonly string[]): string | undefined {
    if (lines.length === 0) return undefined;
    this.summary.events += lines.length;
    if (this.header !== undefined) return lines.join("\n");
    this.header = writeHeader({
      ...this.options.header,
      ...(this.cpus === undefined ? {} : { cpus: this.cpus }),
    });
    return [this.header, ...lines].join("\n");
  }

  private where(): string {
    return `${this.options.file}:${this.summary.lines}`;
  }

  private error(problem: string): TraceFormatError {
    return new TraceFormatError(this.where(), problem);
  }
}

function writeHeader(fields: Omit<TraceHeader, "schema">): string {
  const {
    name,
    kernel,
    arch,
    granule,
    ia_bits,
    fwb,
    clock,
    source,
    cpus,
    lost_events,
    walker,
    pcpus,
    lock_wait,
  } = fields;
  return JSON.stringify({
    type: "header",
    schema: "s2replay-trace/1",
    name,
    kernel,
    arch,
    granule,
    ia_bits,
    fwb,
    clock,
    source,
    cpus,
    lost_events,
    walker,
    pcpus,
    lock_wait,
  });
}

/** A marker from its name on. */
function mark(text: string, phase?: "begin" | "end"): string {
  return `"marker","text":${JSON.stringify(text)}${phase === undefined ? "" : `,"phase":"${phase}"`}}`;
}

function tally(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function excerpt(line: string): string {
  return JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}..` : line);
}
