import type { CommandModule } from "yargs";
import { ActivityFold } from "../activity/fold.js";
import { contradictionCaveats } from "../compare/input.js";
import type { ValidateResult } from "../compare/result-validate.js";
import { selfReplayTrace } from "../compare/self-replay.js";
import { whoIsWho } from "../compare/who-is-who.js";
import { render as renderSelfReplay } from "../report/self-replay.js";
import { render } from "../report/validation.js";
import { eventNames, NONE } from "../trace/event.js";
import { type OpenTraceOptions, openTrace } from "../trace/open-trace.js";
import { addTrace, type ImportArguments, importOptionsOf } from "./import-options.js";
import { headerOf, recordingOf } from "./machine-options.js";
import { emit } from "./output.js";
import { startProgress, startReading } from "./progress.js";
import { parseCount } from "./values.js";

interface ValidateArguments extends ImportArguments {
  trace: string;
  format: "text" | "json";
  lenient: boolean;
  "self-replay": boolean;
  slot: string | undefined;
  epoch: string | undefined;
}

export const validateCommand: CommandModule<object, ValidateArguments> = {
  command: "validate <trace>",
  describe: "Say what a trace holds, and what is wrong with it",
  builder: (yargs) =>
    addTrace(yargs)
      .option("format", {
        choices: ["text", "json"] as const,
        default: "text" as const,
        describe: "how to print the result",
      })
      .option("lenient", {
        type: "boolean",
        default: false,
        describe: "malformed lines are no reason for status 1",
      })
      .option("self-replay", {
        type: "boolean",
        default: false,
        describe: "replay it under the walker that recorded it, and list the faults that do not come out",
      })
      .option("slot", {
        type: "string",
        requiresArg: true,
        implies: "self-replay",
        describe: "count only this memslot",
      })
      .option("epoch", {
        type: "string",
        requiresArg: true,
        implies: "self-replay",
        describe: "count only the epoch of this label",
      })
      .example("$0 validate host.ndjson.gz", "counts, losses, and every kind of malformed line")
      .example("$0 validate host.ndjson --format json", "for a program")
      .example("$0 validate host.ndjson --self-replay", "does its own walker give its faults back?")
      .epilogue("Exit status: 0; 1 where the trace is malformed; 2 on trouble."),
  handler: async ({ trace, format, lenient, ...args }) => {
    if (args["self-replay"]) {
      const { stop, ...progress } = startProgress();
      const { slot, epoch } = args;
      const result = await selfReplayTrace({
        input: trace,
        import: importOptionsOf(args),
        recording: recordingOf(args),
        lenient,
        ...progress,
        ...(slot === undefined ? {} : { slot: parseCount("--slot", slot, 0) }),
        ...(epoch === undefined ? {} : { epoch }),
      }).finally(stop);
      emit(format === "json" ? `${JSON.stringify(result, null, 2)}\n` : renderSelfReplay(result), undefined);
      return;
    }
    const reading = { import: importOptionsOf(args), header: await headerOf(args) };
    const { stop, ...progress } = startReading();
    const result = await validate(trace, { ...reading, ...progress }).finally(stop);
    if (!result.usable && !lenient) process.exitCode = 1;
    emit(format === "json" ? `${JSON.stringify(result, null, 2)}\n` : render(result), undefined);
  },
};

/** Reads all of a trace, and goes on after what is malformed. */
async function validate(input: string, options: OpenTraceOptions): Promise<ValidateResult> {
  const source = await openTrace(input, { lenient: true, ...options });
  const { header, strings, report } = source;
  const fold = new ActivityFold(
    { sharedCpu: false, epochGapNs: Number.POSITIVE_INFINITY, pageBytes: header?.granule ?? 4096 },
    strings,
    { operation() {}, barrier() {}, activity: (activity) => fold.pool.release(activity) },
  );
  for await (const batch of source.batches()) fold.fold(batch);
  fold.finish();
  const skippedByReason = Object.fromEntries(report.skipped);
  const skipped = [...report.skipped.values()].reduce((sum, n) => sum + n, 0);
  return {
    schema: "s2replay-validate/1",
    source: source.name,
    header: header === undefined ? null : { ...header },
    lines: report.lines,
    events: report.events,
    durationNs: fold.foldedNs,
    eventsByName: Object.fromEntries(
      eventNames.map((name, kind) => [name, report.byKind[kind] ?? 0] as const).filter(([, n]) => n > 0),
    ),
    unknownEvents: Object.fromEntries(report.unknown),
    vms: fold.vmsWithFaults,
    vcpus: fold.vcpus,
    threads: fold.threads.map(({ pid, comm, vm, isVcpu }) => ({
      pid,
      comm: comm === NONE ? null : strings.text(comm),
      vm: vm === NONE ? null : (fold.vmNames[vm] ?? null),
      vcpu: isVcpu,
    })),
    who: whoIsWho(fold, strings, header),
    lostEvents: report.lostEvents,
    incompleteEpisodes: fold.incompleteEpisodes,
    skipped,
    skippedByReason,
    truncatedAtByte: report.truncatedAtByte ?? null,
    caveats: contradictionCaveats(source),
    usable: skipped === 0 && report.truncatedAtByte === undefined,
  };
}
