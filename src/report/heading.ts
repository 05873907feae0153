/** The lines above the figures: what was replayed, what is wrong with it, and how reliable the times are. */

import type { ProfileSummary, SelfReplay, TraceSummary } from "../compare/result.js";
import type { TraceResult } from "../compare/trace-result.js";
import { ablationTexts } from "./ablation.js";
import { modelledMark } from "./cells.js";
import { verdictsOf } from "./findings.js";
import { formatCount, formatNs, formatPercent, formatPlural, formatShare } from "./quantity.js";
import { samplesTexts } from "./samples.js";
import { type VerdictLine, verdictLines } from "./verdict.js";

export interface HeadingLine {
  readonly label:
    | "warning"
    | VerdictLine["label"]
    | "trace"
    | "before"
    | "after"
    | "predicted"
    | "recorded"
    | "assumed"
    | "inferred"
    | "times"
    | "self-replay"
    | "ablation"
    | "samples"
    | "workload"
    | "sweep"
    | "sanitizer";
  readonly text: string;
}

/** Warnings come first: a result from a lossy trace says so before anything else. */
export function headingOf(result: TraceResult): HeadingLine[] {
  const { trace, sides } = result;
  const lines: HeadingLine[] = warningsOf(trace).map((text) => ({ label: "warning", text }));
  lines.push(...verdictLines(result));
  lines.push({ label: "trace", text: traceLine(trace) });
  if (trace.assumed.length > 0) {
    lines.push({ label: "assumed", text: `${trace.assumed.join(", ")} (the header does not say)` });
  }
  const inferred = Object.entries(trace.inferred).filter(([, count]) => count > 0);
  if (inferred.length > 0) {
    const text = inferred.map(([name, n]) => `${words(name)} ${formatCount(n)}`).join(", ");
    lines.push({ label: "inferred", text });
  }
  lines.push({
    label: "times",
    text: timesLine(
      sides.map(({ replay, recordedRatio }) => [replay.strategy, recordedRatio]),
      result.profile,
    ),
  });
  lines.push(...selfReplayLines(result.selfReplay).map((text) => ({ label: "self-replay" as const, text })));
  lines.push(...ablationTexts(result).map((text) => ({ label: "ablation" as const, text })));
  lines.push(...samplesTexts(result).map((text) => ({ label: "samples" as const, text })));
  lines.push(...verdictsOf(result).map((text) => ({ label: "sanitizer" as const, text })));
  return lines;
}

/** `unknownSubtrees` as `unknown subtrees`. */
function words(name: string): string {
  return name.replace(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export function warningsOf(trace: TraceSummary): string[] {
  const warnings: string[] = [];
  if (trace.lostEvents > 0) {
    warnings.push(`lossy trace: the ring buffer lost ${formatPlural(trace.lostEvents, "event")}`);
  }
  if (trace.incompleteEpisodes > 0) {
    warnings.push(`${formatPlural(trace.incompleteEpisodes, "incomplete episode")}`);
  }
  if (trace.skipped > 0) {
    const reasons = Object.entries(trace.skippedByReason).map(([why, n]) => `${why}: ${formatCount(n)}`);
    const detail = reasons.length > 0 ? ` (${reasons.join("; ")})` : "";
    warnings.push(`${formatPlural(trace.skipped, "line")} skipped${detail}`);
  }
  return warnings;
}

function traceLine(trace: TraceSummary): string {
  const walker =
    trace.recordedUnder === null ? "recording walker unknown" : `recorded under ${trace.recordedUnder}`;
  const machine = `${formatPlural(trace.vms, "VM")}, ${formatPlural(trace.vcpus, "vCPU")}`;
  const extent = `${formatPlural(trace.events, "event")} over ${formatNs(trace.durationNs)}`;
  const kernel = trace.kernel === null ? "kernel unknown" : `kernel ${trace.kernel}`;
  return [trace.source, kernel, walker, machine, extent].join(", ");
}

/** @param shares for each side, its name and the share of its stall time that is taken as recorded */
export function timesLine(
  shares: readonly (readonly [name: string, recordedRatio: number])[],
  { name, assumed, figures, fit }: ProfileSummary,
): string {
  const texts = shares.map(([side, ratio]) => `${side} ${formatShare(ratio)}`).join(", ");
  const recorded = `stall time as recorded: ${texts}`;
  if (shares.every(([, ratio]) => ratio === 1)) return recorded;
  const how =
    fit === undefined
      ? ""
      : `fitted on ${formatPlural(fit.operations, "operation")} of this trace, those held out ${formatPercent(fit.heldOut.medianError)} off at the median and ${formatPercent(fit.heldOut.p90Error)} at the 90th percentile; `;
  return `${recorded}; what is marked ${modelledMark} is modelled, times with profile ${name} (${how}${assumed} of its ${figures} figures are assumptions)`;
}

function selfReplayLines(selfReplay: SelfReplay | null): string[] {
  if (selfReplay === null) return ["not possible: it is not known under which walker this was recorded"];
  const epochs = selfReplay.byEpoch.filter((epoch) => epoch.recordedFaults > 0 || epoch.replayedFaults > 0);
  return [
    `under ${selfReplay.strategy}: ${matchingOf(selfReplay)}`,
    // A single epoch is the whole trace and would only repeat the line above.
    ...(epochs.length > 1 ? epochs.map((epoch) => `  ${epoch.label}: ${briefly(epoch)}`) : []),
  ];
}

type Matching = Omit<SelfReplay, "strategy" | "byEpoch">;

function matchingOf(part: Matching): string {
  const faults = [
    `${formatCount(part.matched)} of ${formatPlural(part.recordedFaults, "fault")} matched`,
    `${formatCount(part.corrected)} corrected`,
    `${formatCount(part.missing)} missing`,
    `${formatCount(part.extra)} extra`,
  ].join(", ");
  return `${faults}; ${excessText(part)}`;
}

/** The time between aborts and operations beyond the threads' own, and how much of it is known to be waiting. */
function excessText({ lockWaitNs, offCpuNs, explainedRatio }: Matching): string {
  if (explainedRatio === null) return "nobody took longer to an operation than alone";
  if (offCpuNs !== undefined) {
    const { preempted, slept } = offCpuNs;
    const rest = explainedRatio === 1 ? "" : "; the rest may be page allocation, GUP, zeroing or userfaultfd";
    return `${formatNs(lockWaitNs.recorded)} from aborts to operations beyond the threads' own time: ${formatNs(lockWaitNs.replayed)} waits for the lock, ${formatNs(preempted)} fit to run but without a CPU, ${formatNs(slept)} asleep, together ${formatShare(explainedRatio)}${rest}`;
  }
  const rest =
    explainedRatio === 1
      ? ""
      : "; the rest may be page allocation, GUP, zeroing, userfaultfd, preemption or others' turns on a CPU";
  return `${formatNs(lockWaitNs.recorded)} from aborts to operations beyond the threads' own time, ${formatShare(explainedRatio)} of it explained as waits for the lock${rest}`;
}

/** One epoch in one line, without the counts that are 0. */
function briefly(part: Matching): string {
  const faults = [
    `${formatCount(part.matched)} of ${formatCount(part.recordedFaults)} matched`,
    ...(part.corrected > 0 ? [`${formatCount(part.corrected)} corrected`] : []),
    ...(part.missing > 0 ? [`${formatCount(part.missing)} missing`] : []),
    ...(part.extra > 0 ? [`${formatCount(part.extra)} extra`] : []),
  ].join(", ");
  if (part.explainedRatio === null) return faults;
  const { offCpuNs } = part;
  const off = offCpuNs === undefined ? "" : ` (${formatNs(offCpuNs.preempted + offCpuNs.slept)} off the CPU)`;
  return `${faults}; ${formatNs(part.lockWaitNs.recorded)} beyond own time, ${formatShare(part.explainedRatio)} explained${off}`;
}
