/** Formats a self-replay: how much of each epoch matched, and the mismatches by reason. JSON has what is cut short. */

import type { ResultMismatch, SelfReplayResult } from "../compare/result-self-replay.js";
import { type MismatchReason, mismatchReasons } from "../replay/mismatch.js";
import { fill } from "./fill.js";
import { formatCount, formatNs, formatPlural, formatShare, printable } from "./quantity.js";
import { plainTable } from "./terminal.js";

/** Number of mismatches shown for each reason. */
const mismatchesShown = 4;

type Counts = Omit<SelfReplayResult["byEpoch"][number], "label">;

export function render(result: SelfReplayResult): string {
  const { trace, strategy, byEpoch } = result;
  const blocks = [
    [
      `trace        ${trace.source}, recorded under ${strategy}, ${formatPlural(trace.vcpus, "vCPU")}`,
      `self-replay  ${formatCount(result.recordedFaults)} faults: ${share(result.matched, result)} matched, ` +
        `${share(result.matched + result.corrected, result)} matched or corrected`,
      "excess       what passed from aborts to operations beyond the threads' own time; explained: waits for the lock",
      ...(result.offCpuNs === undefined
        ? [
            "             that holds of others account for; the rest may be page allocation, GUP, zeroing, userfaultfd or preemption",
          ]
        : [
            "             that holds of others account for, and time off the CPU before them (fit to run, or asleep); the rest may be",
            "             page allocation, GUP, zeroing or userfaultfd",
          ]),
    ].map(printable),
    tableOf(byEpoch.length > 1 ? [...byEpoch, { ...result, label: "whole trace" }] : byEpoch),
    ...(Object.keys(mismatchReasons) as MismatchReason[]).map((reason) => reasonLines(reason, result)),
    result.caveats.flatMap(({ text }) => fill("note  ", [printable(text)])),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** A share that is never rounded up to 100 %. */
function share(part: number, { recordedFaults }: Counts): string {
  if (part === recordedFaults) return "100 %";
  return `${(Math.floor((10_000 * part) / recordedFaults) / 100).toFixed(2)} %`;
}

function tableOf(epochs: readonly (Counts & { label: string })[]): string[] {
  const hasOff = epochs.some(({ offCpuNs }) => offCpuNs !== undefined);
  const head = [
    "",
    "faults",
    "matched",
    "",
    "corrected",
    "missing",
    "extra",
    "excess",
    "explained",
    ...(hasOff ? ["off CPU"] : []),
    "makespan",
  ];
  const rows = plainTable(head.map((_, n) => (n === 0 ? "left" : "right")));
  rows.push(head);
  for (const epoch of epochs) {
    const { lockWaitNs, offCpuNs, makespanNs } = epoch;
    rows.push([
      printable(epoch.label),
      ...[epoch.recordedFaults, epoch.matched].map(formatCount),
      share(epoch.matched, epoch),
      ...[epoch.corrected, epoch.missing, epoch.extra].map(formatCount),
      formatNs(lockWaitNs.recorded),
      epoch.explainedRatio === null ? "" : formatShare(epoch.explainedRatio),
      ...(offCpuNs === undefined ? [] : [formatNs(offCpuNs.preempted + offCpuNs.slept)]),
      formatNs(makespanNs.recorded),
    ]);
  }
  return rows
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
}

function reasonLines(reason: MismatchReason, { byReason, mismatches }: SelfReplayResult): string[] {
  const count = byReason[reason];
  if (count === undefined) return [];
  const shown = mismatches.filter((one) => one.reason === reason).slice(0, mismatchesShown);
  return [
    `${formatCount(count)} ${reason}: ${mismatchReasons[reason]}`,
    ...shown.map((one) => `  ${printable(mismatchText(one))}`),
    ...(count > shown.length ? [`  and ${formatCount(count - shown.length)} more`] : []),
  ];
}

function mismatchText(one: ResultMismatch): string {
  const { recorded, replayed } = one;
  const by = one.vcpu === null ? `pid ${one.pid}` : `vCPU ${one.vcpu}`;
  const text =
    `line ${one.line} at ${formatNs(one.atNs)}, ${by}, IPA ${one.ipa}: ` +
    `recorded ${recorded.class} level ${recorded.level}, replayed ${replayed.class} level ${replayed.level}`;
  return one.earlierNs === 0 ? text : `${text}; ${formatNs(one.earlierNs)} earlier`;
}
