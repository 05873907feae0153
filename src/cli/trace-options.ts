/** What commands that replay a trace have in common: their options, and how a result is printed. */

import type { Argv } from "yargs";
import type { z } from "zod";
import { documentOf } from "../compare/documents.js";
import { type Expression, parseExpression } from "../compare/expression.js";
import type { TraceOptions } from "../compare/options.js";
import type { TraceResult } from "../compare/trace-result.js";
import { UsageError } from "../errors.js";
import { jsonText } from "../json-text.js";
import { parseColumns } from "../report/columns.js";
import { render as renderMarkdown } from "../report/markdown.js";
import type { Plot } from "../report/plot/plot.js";
import { type Sheet, sheetOf } from "../report/sheet.js";
import { render as renderText, type TerminalOptions } from "../report/terminal.js";
import { addTrace, type ImportArguments, importOptionsOf } from "./import-options.js";
import { addWhatIfOptions, recordingOf, type WhatIfArguments, whatIfOf } from "./machine-options.js";
import { emit, wantsColor } from "./output.js";
import { addPlot, type PlotArguments, renderPlot } from "./plot-option.js";
import { parseCount, parseIpaRange, parseSeconds } from "./values.js";

const formats = ["text", "json", "markdown"] as const;
type Format = (typeof formats)[number];

/** How a trace is replayed, and what of it is counted. */
export interface ReplayArguments extends WhatIfArguments {
  profile: string | undefined;
  lenient: boolean;
  slot: string | undefined;
  vm: string | undefined;
  ipa: string | undefined;
  epoch: string | undefined;
  "epoch-gap": string | undefined;
  "reorder-window": string | undefined;
}

/** The two strategies of a diff. */
export interface SideArguments {
  base: string;
  candidate: string;
}

export function addSides<T>(yargs: Argv<T>): Argv<T & SideArguments> {
  return yargs
    .option("base", {
      type: "string",
      requiresArg: true,
      default: "pre-patch",
      describe: "a strategy's name, or a module's file",
    })
    .option("candidate", {
      type: "string",
      requiresArg: true,
      default: "post-patch",
      describe: "the strategy to compare with it",
    });
}

export interface TraceArguments extends ReplayArguments, ImportArguments, PlotArguments {
  trace: string;
  format: Format;
  sanitize: boolean;
  columns: string | undefined;
  samples: string | undefined;
  seed: string;
  "fail-on": string | undefined;
}

export function addReplayOptions<T>(yargs: Argv<T>): Argv<T & ReplayArguments> {
  return addWhatIfOptions(yargs)
    .option("profile", {
      type: "string",
      requiresArg: true,
      describe:
        "cost profile: a name, a JSON file, or fit, which fits one on the trace first (default: emulated where the trace's lock waiters sleep, else kunpeng920)",
    })
    .option("lenient", { type: "boolean", default: false, describe: "skip and count malformed lines" })
    .option("vm", {
      type: "string",
      requiresArg: true,
      describe: "count only the VM of this name (see validate)",
    })
    .option("slot", { type: "string", requiresArg: true, describe: "count only this memslot" })
    .option("ipa", {
      type: "string",
      requiresArg: true,
      describe: "count only guest addresses START-END, END left out",
    })
    .option("epoch", { type: "string", requiresArg: true, describe: "count only the epoch of this label" })
    .option("epoch-gap", {
      type: "string",
      requiresArg: true,
      describe: "a silence of so many seconds ends an epoch",
    })
    .option("reorder-window", {
      type: "string",
      requiresArg: true,
      describe: "seconds by which events of different CPUs may be out of order (default 1)",
    })
    .conflicts("slot", "ipa");
}

/** @param columns what the columns of the command's table are called */
export function addTraceOptions<T>(yargs: Argv<T>, columns: string): Argv<T & TraceArguments> {
  return addResultOptions(addTrace(yargs), columns);
}

type ResultArguments = Omit<TraceArguments, "trace" | keyof ImportArguments>;

/** The same without the trace. */
export function addResultOptions<T>(yargs: Argv<T>, columns: string): Argv<T & ResultArguments> {
  return addPlot(addReplayOptions(yargs))
    .option("format", { choices: formats, default: "text" as Format, describe: "how to print the result" })
    .option("sanitize", {
      type: "boolean",
      default: false,
      describe: "watch every walk, and report what would be wrong on a machine",
    })
    .option("samples", {
      type: "string",
      requiresArg: true,
      describe:
        "draw the profile's figures so often from their ranges, and when each access comes, and show how far the result moves",
    })
    .option("seed", { type: "string", requiresArg: true, default: "1", describe: "of --samples" })
    .option("columns", {
      type: "string",
      requiresArg: true,
      describe: `columns of the table, in this order: ${columns}`,
    })
    .option("fail-on", {
      type: "string",
      requiresArg: true,
      describe: "exit with status 1 where this holds of the JSON result",
    })
    .option("output", {
      alias: "o",
      type: "string",
      requiresArg: true,
      describe: "write the result to this file",
    })
    .epilogue(
      "--fail-on compares what --format json prints: candidate.faults.total, epochs.ADJUST.base.makespanNs, " +
        "epochs.0.label; numbers with ns, us, ms, s or %; + - * / ( ); < <= > >= == !=; and or not; caveats has 'code'.\n\n" +
        "Exit status: 0; 1 where --fail-on holds; 2 on trouble.",
    );
}

export function traceOptionsOf(args: TraceArguments): TraceOptions {
  return {
    input: args.trace,
    import: importOptionsOf(args),
    recording: recordingOf(args),
    sanitize: args.sanitize,
    ...replayOptionsOf(args),
  };
}

export function replayOptionsOf(
  args: Partial<ReplayArguments> & Pick<ReplayArguments, "lenient">,
): Omit<TraceOptions, "input"> {
  const given = <T>(text: string | undefined, parse: (text: string) => T): T | undefined =>
    text === undefined ? undefined : parse(text);
  return withoutUndefined({
    profile: args.profile,
    lenient: args.lenient,
    whatIf: whatIfOf(args),
    vm: args.vm,
    slot: given(args.slot, (text) => parseCount("--slot", text, 0)),
    ipa: given(args.ipa, (text) => parseIpaRange("--ipa", text)),
    epoch: args.epoch,
    epochGapNs: given(args["epoch-gap"], (text) => parseSeconds("--epoch-gap", text)),
    reorderWindowNs: given(args["reorder-window"], (text) => parseSeconds("--reorder-window", text)),
  });
}

type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Drops keys without a value: an absent option is absent. */
function withoutUndefined<T extends object>(options: T): Partial<WithoutUndefined<T>> & RequiredOf<T> {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<WithoutUndefined<T>> & RequiredOf<T>;
}

type RequiredOf<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] };

/** Parsed before the trace is read: a slip shows at once. */
export function failOnOf(args: Pick<TraceArguments, "fail-on">, schema: z.ZodType): Expression | undefined {
  const text = args["fail-on"];
  return text === undefined ? undefined : parseExpression(text, schema);
}

/** Parsed before the trace is read. Throws UsageError where there is none of a name, or no table. */
export function columnsFrom(
  { columns, format }: Pick<TraceArguments, "columns" | "format">,
  known: readonly string[],
): readonly string[] | undefined {
  if (columns === undefined) return undefined;
  if (format === "json")
    throw new UsageError("--columns: expected --format text or markdown: json has no table");
  return parseColumns(columns, known);
}

/** How a result is printed, beside what the arguments say. */
export interface Delivery {
  readonly failOn: Expression | undefined;
  readonly columns: readonly string[] | undefined;
  readonly plot: Plot | undefined;
}

/** Prints the result; the exit status becomes 1 where `failOn` holds. */
export function deliver(result: TraceResult, args: TraceArguments, delivery: Delivery): void {
  const { failOn, plot, columns } = delivery;
  const document = documentOf(result);
  const text = renderAs(args.format, document, () => sheetOf(result), {
    color: wantsColor(args.output),
    columns,
  });
  emitJudged(text + renderPlot(plot, result, args), document, failOn, args.output);
}

/** Prints the text of a result; the exit status becomes 1 where `failOn` holds of its document. */
export function emitJudged(
  text: string,
  document: unknown,
  failOn: Expression | undefined,
  output: string | undefined,
): void {
  const holds = failOn?.holds(document) ?? false;
  // Before the printing, whose reader may go away.
  if (holds) process.exitCode = 1;
  emit(text, output);
  if (holds) process.stderr.write(`s2replay: --fail-on holds: ${failOn!.text}\n`);
}

/** A result in one of the formats: its document, or what its sheet says. */
export function renderAs(
  format: Format,
  document: unknown,
  sheetOf: () => Sheet,
  options: TerminalOptions,
): string {
  if (format === "json") return jsonText(document);
  return format === "markdown" ? renderMarkdown(sheetOf(), options) : renderText(sheetOf(), options);
}
