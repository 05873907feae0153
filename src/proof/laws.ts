/** The laws of a replay against the record, asked of one recording. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { diffTrace } from "../compare/diff.js";
import { headerOfInput } from "../compare/input.js";
import type { DiffOptions } from "../compare/options.js";
import type { DiffResult, ReplayResult } from "../compare/result.js";
import type { Watcher } from "../compare/watcher.js";
import { type ScalableCost, scalableCosts } from "../replay/cost-scale.js";
import type { RecordedMachine } from "../trace/header.js";
import { LawWalkers, renamed, rewrite } from "./law-inputs.js";

export const laws = {
  null: "a copy of the recording walker, or one that calls it, changes nothing: any figure, epoch, ablation or draw",
  base: "the recording walker's side is the record: faults, aborts to re-entries, makespans",
  antisymmetry: "A against B is B against A, the other way round",
  renamed: "other pids, names, pointers and times change no figure",
  "second VM": "another VM beside it, with CPUs of its own, changes no figure",
  small: "one get and one put more in each coalesce, or each map, moves little",
  locality: "a walker that differs from some address on leaves what comes before as it is",
} as const;
export type Law = keyof typeof laws;

/** What one law came to: kept, broken (and how), or not to be asked here (and why). */
export interface LawOutcome {
  readonly law: Law;
  readonly is: "kept" | "broken" | "left out";
  readonly detail: string;
}

/** A recording, and the walker that ran it. */
export interface LawInput {
  readonly file: string;
  readonly walker: string;
  readonly header: RecordedMachine | undefined;
}

/** Costs that can be left out of any replay against a record. */
const ablated = scalableCosts.filter(
  (cost): cost is ScalableCost => cost !== "lockWait" && cost !== "cpuWait" && cost !== "contention",
);

/** Asks all laws of a recording. Throws as diffTrace does. */
export async function lawsOf(input: LawInput): Promise<LawOutcome[]> {
  const scratch = mkdtempSync(join(tmpdir(), "s2replay-laws-"));
  try {
    return await new Laws(input, scratch).all();
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

class Laws {
  private onOneCpu = false;
  private readonly walkers: LawWalkers;

  constructor(
    private readonly input: LawInput,
    private readonly scratch: string,
  ) {
    this.walkers = new LawWalkers(input.walker, scratch);
  }

  async all(): Promise<LawOutcome[]> {
    const { file, header = {} } = this.input;
    const said = await headerOfInput({ input: file, lenient: false, recording: header });
    this.onOneCpu = said?.pcpus === 1;
    const record = await this.diff({ candidate: this.walkers.copy, ablate: ablated });
    // Somebody watches: here the recorder is replayed, and not taken for the record that it is.
    const replayed = await this.diff({ candidate: this.walkers.other, observer: this.watcher });
    return [
      await this.ofNull(record),
      this.ofBase(replayed),
      await this.ofAntisymmetry(replayed),
      await this.ofRenaming(record),
      await this.ofSecondVm(),
      await this.ofSmallChange(record),
      await this.ofLocality(),
    ];
  }

  private async ofNull(record: DiffResult): Promise<LawOutcome> {
    const drawn = await this.diff({ candidate: this.walkers.wrapped, arrivalSeed: 1 });
    const off = [...unequal(record), ...unequal(drawn).map((path) => `${path} in a draw`)];
    for (const { label, base, candidate } of record.ablation?.costs ?? [])
      if (JSON.stringify(base) !== JSON.stringify(candidate)) off.push(`ablation of ${label}`);
    return outcome("null", off);
  }

  private ofBase({ base, selfReplay, epochs, figures }: DiffResult): LawOutcome {
    const off: string[] = [];
    if (base.faults.total !== selfReplay?.recordedFaults) off.push("faults.total");
    for (const [n, { label }] of epochs.entries())
      if (figures?.[`epochs.${n}.base.makespanNs`]?.kind !== "recorded") off.push(`makespan of ${label}`);
    if (this.abortsNs !== this.recordedNs)
      off.push(`aborts to re-entries: ${this.abortsNs} for ${this.recordedNs} ns`);
    return outcome("base", off);
  }

  private async ofAntisymmetry(there: DiffResult): Promise<LawOutcome> {
    const back = await this.diff({ base: this.walkers.other, candidate: this.input.walker });
    const off = [
      ...differing(there.base, back.candidate, "base"),
      ...differing(there.candidate, back.base, "candidate"),
    ];
    for (const [n, { label, base, candidate }] of there.epochs.entries()) {
      const other = back.epochs[n];
      if (JSON.stringify([base, candidate]) !== JSON.stringify([other?.candidate, other?.base]))
        off.push(`epoch ${label}`);
    }
    return outcome("antisymmetry", off);
  }

  private async ofRenaming(record: DiffResult): Promise<LawOutcome> {
    const file = join(this.scratch, "renamed.ndjson");
    await this.rewrite(file, (line) => [renamed(line, 12_345)]);
    const result = await this.diff({ input: file, candidate: this.walkers.copy, ablate: ablated });
    return outcome("renamed", sidesDiffering(record, result));
  }

  private async ofSecondVm(): Promise<LawOutcome> {
    if (this.onOneCpu) return leftOut("second VM", "all VMs share one CPU");
    const file = join(this.scratch, "two.ndjson");
    const lines = new Map<string, number>();
    await this.rewrite(file, (line) => {
      const pgt = /"pgt":"(0x[0-9a-f]+)"/.exec(line)?.[1];
      if (pgt !== undefined) lines.set(pgt, (lines.get(pgt) ?? 0) + 1);
      const isEveryones = /"event":"(marker|gap|lost_events)"/.test(line);
      return isEveryones ? [line] : [line, renamed(line, 0)];
    });
    // Some programs make VMs to find out what the kernel can do.
    const [[vm] = [undefined]] = [...lines].sort(([, a], [, b]) => b - a);
    if (vm === undefined) return leftOut("second VM", "no VM with a table of its own");
    const alone = await this.diff({ candidate: this.walkers.other, vm });
    const beside = await this.diff({ input: file, candidate: this.walkers.other, vm });
    return outcome("second VM", sidesDiffering(alone, beside));
  }

  /**
   * d more in each of N coalesces, or of N maps: the stall moves by vCPUs x N x d, 0.1 %, and an episode for each fault that
   * flips. Of the coalesces, of an epoch's accesses one may fault more or less (with all of its laps, where faults share
   * the lock).
   */
  private async ofSmallChange(record: DiffResult): Promise<LawOutcome> {
    const accesses = [new Map<string, number>(), new Map<string, number>()] as const;
    let maps = 0;
    const coalesces = await this.diff({
      candidate: this.walkers.small,
      observer: {
        ended: ({ side, isFault, counted, epoch = "" }, activity) => {
          if (side === 0) maps += activity.operationCount;
          const of = accesses[side];
          if (of !== undefined && isFault && counted) of.set(epoch, (of.get(epoch) ?? 0) + 1);
        },
      },
    });
    const each = await this.diff({ candidate: this.walkers.smallInEach });
    const off = [
      ...movesMuch(coalesces, record.trace.vcpus * coalesces.base.windows.count),
      ...movesMuch(each, record.trace.vcpus * maps).map((text) => `${text} (in each map)`),
    ];
    for (const [epoch, was] of accesses[0]) {
      const is = accesses[1].get(epoch) ?? 0;
      if (Math.abs(is - was) > 1) off.push(`accesses that fault in ${epoch}: ${was} and ${is}`);
    }
    return outcome("small", off);
  }

  private async ofLocality(): Promise<LawOutcome> {
    const starts: number[][] = [[], []];
    const changed: number[] = [];
    await this.diff({
      candidate: this.walkers.from(this.middle),
      observer: {
        ended: (episode, activity) => {
          if (episode.side < 0) return;
          const other = activity.operationCount > 0 && activity.operation(0).ipa >= this.middle;
          if (other && episode.side === 1 && episode.windows > 0) changed.push(activity.startNs);
          (starts[episode.side] as number[]).push(activity.startNs, episode.startNs, episode.endNs);
        },
      },
    });
    const firstNs = Math.min(...changed);
    const before = starts.map((times) => {
      const kept = new Set<string>();
      for (let n = 0; n < times.length; n += 3)
        if ((times[n + 2] as number) < firstNs) kept.add(times.slice(n, n + 3).join(" "));
      return kept;
    });
    const off = [...(before[0] as Set<string>)].filter((one) => !(before[1] as Set<string>).has(one));
    return outcome("locality", off.slice(0, 3));
  }

  private abortsNs = 0;
  private recordedNs = 0;
  private highest = 0;
  private lowest = Number.POSITIVE_INFINITY;

  /** Half-way up the blocks that are coalesced. */
  private get middle(): number {
    const block = 2 ** 21;
    return Math.floor((this.lowest + this.highest) / 2 / block) * block;
  }

  /** Of the base: where its coalesces are, and how long its faults take. */
  private readonly watcher: Watcher = {
    begins: () => {
      this.abortsNs = this.recordedNs = 0;
    },
    ended: (episode, activity) => {
      if (episode.side !== 0) return;
      if (episode.windows > 0) {
        this.highest = Math.max(this.highest, activity.operation(0).ipa);
        this.lowest = Math.min(this.lowest, activity.operation(0).ipa);
      }
      if (!episode.isFault) return;
      this.abortsNs += Math.round(episode.endNs - episode.startNs - (episode.costNs[0] as number));
      this.recordedNs += activity.endNs - activity.startNs;
    },
  };

  /** The recording's walker, unless told otherwise, against a candidate. */
  private diff(options: Partial<DiffOptions> & { readonly candidate: string }): Promise<DiffResult> {
    const { file, walker, header } = this.input;
    return diffTrace({
      input: file,
      base: walker,
      lenient: false,
      recording: { ...header, walker },
      ...options,
    });
  }

  /** The recording, each event as `edit` has it. */
  private rewrite(file: string, edit: (line: string) => readonly string[]): Promise<void> {
    const { file: recording, header } = this.input;
    return rewrite(recording, header === undefined ? {} : { header }, file, edit);
  }
}

/** So much at most does one get and one put take; ns. */
const DEAREST_NS = 2 * 1000;

/** Whether the stall moves by more than so many gets and puts account for, and the faults that flip. */
function movesMuch({ base, candidate }: DiffResult, times: number): string[] {
  const flips = candidate.faults.avoided + Math.abs(candidate.faults.total - base.faults.total);
  const bound = times * DEAREST_NS + 0.001 * base.stallNs.total + flips * base.stallNs.max;
  const moved = Math.abs(candidate.stallNs.total - base.stallNs.total);
  return moved > bound ? [`stall: ${moved} ns, more than ${Math.round(bound)}`] : [];
}

function outcome(law: Law, off: readonly string[]): LawOutcome {
  return { law, is: off.length === 0 ? "kept" : "broken", detail: off.slice(0, 5).join(", ") };
}

function leftOut(law: Law, why: string): LawOutcome {
  return { law, is: "left out", detail: why };
}

/** Where the two sides of a result differ, their names apart. */
function unequal({ base, candidate, epochs, figures = {} }: DiffResult): string[] {
  const off = differing(base, candidate, "");
  for (const { label, base: was, candidate: is } of epochs)
    if (JSON.stringify(was) !== JSON.stringify(is)) off.push(`epoch ${label}`);
  for (const [path, figure] of Object.entries(figures))
    if (path.startsWith("base.") && figures[`candidate${path.slice(4)}`]?.kind !== figure.kind)
      off.push(`kind of ${path}`);
  return off;
}

function sidesDiffering(one: DiffResult, other: DiffResult): string[] {
  const off = [
    ...differing(one.base, other.base, "base."),
    ...differing(one.candidate, other.candidate, "candidate."),
  ];
  const times = ({ epochs }: DiffResult) => epochs.map(({ base, candidate }) => [base, candidate]);
  if (JSON.stringify(times(one)) !== JSON.stringify(times(other))) off.push("epochs");
  if (JSON.stringify(one.ablation) !== JSON.stringify(other.ablation)) off.push("ablation");
  return off;
}

/** Paths of the numbers that differ. */
function differing(one: ReplayResult, other: ReplayResult, prefix: string): string[] {
  const of = new Map(numbersOf(other, ""));
  return numbersOf(one, "")
    .filter(([path, value]) => of.get(path) !== value)
    .map(([path]) => `${prefix}${path}`);
}

function numbersOf(value: object, prefix: string): [string, number][] {
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (typeof part === "number") return [[`${prefix}${key}`, part] as [string, number]];
    return typeof part === "object" && part !== null ? numbersOf(part, `${prefix}${key}.`) : [];
  });
}
