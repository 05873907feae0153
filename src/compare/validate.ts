import { ActivityFold } from "../activity/fold.js";
import { type OpenTraceOptions, openTrace } from "../import/open-trace.js";
import { eventNames, NONE } from "../trace/event.js";
import { contradictionCaveats } from "./input.js";
import type { ValidateResult } from "./result-validate.js";
import { whoIsWho } from "./who-is-who.js";

/** Describes a whole trace and what is wrong with it; continues after malformed lines. Throws UsageError. */
export async function validateTrace(input: string, options: OpenTraceOptions = {}): Promise<ValidateResult> {
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
