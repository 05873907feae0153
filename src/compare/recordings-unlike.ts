/** Checks whether the recordings of two sides are of one experiment: caveats, or errors where they are incomparable. */

import { UsageError } from "../errors.js";
import { plural } from "../stage2/address-text.js";
import { sizeText } from "../workload/size.js";
import { type EpochsAlike, epochsAlike } from "./epochs-alike.js";
import type { TraceOptions } from "./options.js";
import type { Caveat } from "./result.js";
import type { SeenSlot, TraceResult } from "./trace-result.js";

/** The runs of both sides. */
export interface Sides<T> {
  readonly before: readonly T[];
  readonly after: readonly T[];
}

/** The part of the guests' memory that is counted; all of it by default. */
export type CountedMemory = Pick<TraceOptions, "slot" | "ipa">;

/** The epochs that all runs have; the runs of `before` come first. Throws UsageError where none can be paired. */
export function sharedEpochs({ before, after }: Sides<TraceResult>): EpochsAlike {
  const runs = [...before, ...after];
  const labels = runs.map(({ epochs }) => epochs.map(({ label }) => label));
  const alike = epochsAlike(labels);
  if (alike !== undefined) return alike;
  const held = runs.map(
    ({ trace }, n) => `${trace.source} has ${labels[n]!.length === 0 ? "none" : labels[n]!.join(", ")}`,
  );
  throw new UsageError(`no epoch is common to the recordings, nor is their number: ${held.join("; ")}`);
}

/** Throws UsageError where the selected memslot is not the same in all recordings. */
export function checkSlots(slot: number | undefined, { before, after }: Sides<TraceResult>): void {
  if (slot === undefined) return;
  const texts = [...before, ...after].map((run) => [slotsText(run, slot), run.trace.source] as const);
  const [first] = texts;
  const other = texts.find(([text]) => text !== first![0]);
  if (other !== undefined)
    throw new UsageError(
      `--slot ${slot}: is not the same memory in both: ${first![0]} in ${first![1]}, ${other[0]} in ${other[1]}`,
    );
}

/** Caveats that give reasons why a change between the sides may have another origin than what is compared. */
export function unlikeReasons(runs: Sides<TraceResult>, { slot, ipa }: CountedMemory = {}): Caveat[] {
  const unlike = (code: string, what: string, textOf: (run: TraceResult) => string): Caveat[] => {
    const [before, after] = [textsOf(runs.before, textOf), textsOf(runs.after, textOf)];
    return before === after ? [] : [{ code, text: `${what}: ${before} before, ${after} after` }];
  };
  return [
    ...unlike("unlike-vms", "the sides have not the same number of VMs", ({ trace }) => `${trace.vms}`),
    ...unlike("unlike-vcpus", "the sides have not the same number of vCPUs", ({ trace }) => `${trace.vcpus}`),
    // A selected slot or range is known to be the same memory.
    ...(slot === undefined && ipa === undefined
      ? unlike("unlike-memslots", "the sides have not the same memslots", (run) => slotsText(run))
      : []),
    ...lossy(runs),
  ];
}

/** Caveats for epochs that only some runs have. */
export function epochCaveats({ apart }: EpochsAlike, runs: Sides<TraceResult>): Caveat[] {
  const sources = [...runs.before, ...runs.after].map(({ trace }) => trace.source);
  return apart.map(({ label, of }) => {
    const sides = [
      ...(of.some((n) => n < runs.before.length) ? ["before"] : []),
      ...(of.some((n) => n >= runs.before.length) ? ["after"] : []),
    ];
    const whose =
      sides.length === 1 && of.length === runs[sides[0] as keyof Sides<TraceResult>].length
        ? `only ${sides[0]} has it`
        : `only ${of.map((n) => sources[n]).join(", ")} ${of.length === 1 ? "has" : "have"} it`;
    return {
      code: "epoch-apart",
      text: `epoch ${label} is not shown, but counts in the other rows: ${whose}`,
    };
  });
}

/** The different texts of a side's runs, as one text. */
function textsOf(runs: readonly TraceResult[], textOf: (run: TraceResult) => string): string {
  return [...new Set(runs.map(textOf))].sort().join(" or ");
}

function slotsText({ memslots }: TraceResult, only?: number): string {
  const shown = (memslots ?? []).filter(({ slot }) => only === undefined || slot === only);
  return shown.length === 0 ? "none known" : shown.map(slotText).join(" and ");
}

function slotText({ slot, bytes }: SeenSlot): string {
  return `slot ${slot} of ${sizeText(bytes)}`;
}

function lossy(runs: Sides<TraceResult>): Caveat[] {
  return (["before", "after"] as const).flatMap((side) => {
    const lost = runs[side].filter(({ trace }) => trace.lostEvents > 0);
    if (lost.length === 0) return [];
    const texts = lost.map(({ trace }) => `${plural(trace.lostEvents, "event")} of ${trace.source}`);
    return [{ code: `lossy-${side}`, text: `${side} is lossy: the ring buffer lost ${texts.join(", ")}` }];
  });
}
