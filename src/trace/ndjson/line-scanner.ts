/** Lines to rows: the fast path first, the slow path where it declines, and what becomes of a bad line. */

import { TraceFormatError } from "../../errors.js";
import { type EventBatch, Kind, type ReaderReport } from "../event.js";
import type { ReorderWindow } from "../reorder.js";
import { UNKNOWN_KIND } from "./fields.js";
import { type LineBuffer, MAX_LINE_BYTES } from "./line-buffer.js";
import { LineProblem } from "./line-values.js";
import { type LineContext, SlowLine } from "./slow-line.js";
import { TemplateMatch } from "./template-match.js";

const NEWLINE = 0x0a;
/** Names beyond this many are counted together, so that a hostile trace cannot fill memory with them. */
const MAX_UNKNOWN_NAMES = 1000;

export interface ScanOptions {
  /** The input as errors name it. */
  readonly file: string;
  readonly lenient: boolean;
  /** False: every line takes the slow path (for tests, which compare the two). */
  readonly learn: boolean;
  /** Where the lines come from a recording of another format: what they are called there. */
  readonly recording: LineOrigins | undefined;
}

/** Places of another format's recording, by line of the NDJSON that it became. */
interface LineOrigins {
  lineOf(line: number): number;
  whereOf(line: number): string;
}

export class LineScanner {
  private readonly slow: SlowLine;
  private readonly fast: TemplateMatch;

  constructor(
    readonly context: LineContext,
    readonly order: ReorderWindow,
    readonly lines: LineBuffer,
    readonly report: ReaderReport,
    readonly options: ScanOptions,
  ) {
    this.slow = new SlowLine(context);
    this.fast = new TemplateMatch(context, report);
  }

  /** Reads lines until the batch is full or the lines at hand are used up. */
  scan(): "full" | "used-up" {
    const { lines, order, report } = this;
    const fast = this.fast;
    fast.use(lines.bytes, lines.view, lines.end);
    let at = lines.at;
    while (at < lines.end) {
      if (order.isFull) return "full";
      const batch = order.filling;
      const behind = fast.match(at, batch);
      if (behind > 0 && behind - at <= MAX_LINE_BYTES) {
        at = behind;
        lines.at = behind;
        report.lines++;
        if (fast.unknown === 0) this.accept(batch);
        else this.countUnknown(fast.takeUnknown());
      } else {
        this.context.pool.clearRow(batch, batch.count);
        this.readSlowly(at);
        at = lines.at;
      }
    }
    return order.isFull ? "full" : "used-up";
  }

  private readSlowly(from: number): void {
    const { lines, context, report } = this;
    const newline = lines.bytes.indexOf(NEWLINE, from);
    lines.at = newline + 1;
    report.lines++;
    if (newline - from > MAX_LINE_BYTES) {
      this.refuseLong();
      return;
    }
    if (newline === from || (newline === from + 1 && lines.bytes[from] === 0x0d)) return;
    const slow = this.slow;
    const batch = this.order.filling;
    try {
      slow.read(lines.bytes, from, newline, batch);
    } catch (problem) {
      context.pool.clearRow(batch, batch.count);
      if (!(problem instanceof LineProblem)) throw problem;
      const isLast = lines.unterminated && lines.at === lines.end;
      const isCut = isLast && problem.reason === "malformed JSON" && slow.fields.scan.stoppedShort;
      if (isCut) this.cutShort();
      else this.refuse(problem);
      return;
    }
    if (slow.kind !== UNKNOWN_KIND && !context.time.isSet) context.time.set(slow.ns);
    // Templates give times relative to the first event, so they are of no use before it.
    if (this.options.learn && context.time.isSet) this.fast.learn(slow, lines.bytes, from, newline);
    if (slow.kind === UNKNOWN_KIND) this.countUnknown(slow.eventName);
    else this.accept(batch);
  }

  private accept(batch: EventBatch): void {
    const { order, report } = this;
    const row = batch.count;
    batch.line[row] = this.options.recording?.lineOf(report.lines) ?? report.lines;
    const verdict = order.accept();
    if (verdict !== "accepted") {
      this.refuseTime(verdict, batch.atNs[row]!, batch.cpu[row]!);
      return;
    }
    const kind = batch.kind[row]!;
    report.byKind[kind]!++;
    // A line that says no number still says that something was lost.
    if (kind === Kind.lost_events) {
      report.lostEvents += Number.isNaN(batch.amount[row]) ? 1 : batch.amount[row]!;
    }
  }

  private refuseTime(verdict: "cpu" | "window", atNs: number, cpu: number): void {
    const { order } = this;
    this.context.pool.clearRow(order.filling, order.filling.count);
    const early = verdict === "cpu" ? order.lastOfCpu(cpu) - atNs : order.newestNs - atNs;
    this.refuse(
      verdict === "cpu"
        ? new LineProblem(
            "time backwards on one cpu",
            `time: ${early} ns before the last event of cpu ${cpu}, expected none to go backwards`,
          )
        : new LineProblem(
            "time outside the reorder window",
            `time: ${early} ns before an event already read, expected at most ${order.windowNs} (the reorder window)`,
          ),
    );
  }

  refuseLong(): void {
    this.refuse(
      new LineProblem("line over 1 MiB", `line over 1 MiB, expected at most ${MAX_LINE_BYTES} bytes`),
    );
  }

  private refuse(problem: LineProblem): void {
    const { skipped, lines } = this.report;
    if (!this.options.lenient) {
      const { file, recording } = this.options;
      throw new TraceFormatError(recording?.whereOf(lines) ?? `${file}:${lines}`, problem.message);
    }
    skipped.set(problem.reason, (skipped.get(problem.reason) ?? 0) + 1);
  }

  private cutShort(): void {
    const { lines, report, options } = this;
    // Compressed data that stops early explains its last line; the reader says so at the end.
    if (lines.dataEnd !== undefined) return;
    if (!options.lenient) {
      throw new TraceFormatError(
        `${options.file}:${report.lines}`,
        `cut short at byte ${lines.dataBytes}, inside this line, expected a whole object (--lenient uses the lines before)`,
      );
    }
    report.truncatedAtByte = lines.dataBytes;
  }

  private countUnknown(name: string): void {
    const { unknown } = this.report;
    const { filling } = this.order;
    this.context.pool.clearRow(filling, filling.count);
    const counted = unknown.has(name) || unknown.size < MAX_UNKNOWN_NAMES ? name : "(others)";
    unknown.set(counted, (unknown.get(counted) ?? 0) + 1);
  }
}
