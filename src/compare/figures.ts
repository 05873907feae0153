/** Classifies each figure of a result: taken from the trace, certain, a bound, or the outcome of a model. */

import { Cost, type Counters, costs } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import { hasAccesses } from "./accesses.js";
import { addsAtLeast, isSelfReplay } from "./caveats.js";
import type { Figure, FigureKind, ReplayResult, StallCost, Verdict } from "./result.js";
import type { Session } from "./session.js";
import { recordedRatio } from "./summary.js";
import type { ResultSide } from "./trace-result.js";

type Change = NonNullable<Verdict["change"]>;

/** A share of this much counts as all, since sums of times are rounded. */
const NEARLY_ALL = 1 - 1e-9;

/** Classifies each number of a side by its path there; those of the shown epochs are at `epochs.0.makespanNs` etc. */
export function figuresOf(
  strategy: Strategy,
  replay: ReplayResult,
  epochs: readonly { readonly index: number }[],
  session: Session,
): Record<string, Figure> {
  const judge = new Judge(strategy, session);
  const figures: Record<string, Figure> = {};
  for (const name of figurePaths(replay)) figures[name] = { kind: judge.kindAt(name) };
  for (const [n, { index }] of epochs.entries()) {
    figures[`epochs.${n}.makespanNs`] = { kind: judge.ofEpoch(index) };
    figures[`epochs.${n}.faults`] = { kind: judge.ofFaults };
  }
  return figures;
}

/** The number at a path of a side: in its replay, as `stallNs.p50`, or in the side, as `epochs.0.makespanNs`. */
export function numberOf({ replay, epochs }: Pick<ResultSide, "replay" | "epochs">, path: string): number {
  return path.startsWith("epochs.") ? numberAt({ epochs }, path) : numberAt(replay, path);
}

/** The path of the number that a verdict is about, in a side. */
export function changePath({ of, epochIndex }: Pick<Change, "of" | "epochIndex">): string {
  if (of === "stall") return "stallNs.total";
  if (of === "faults") return "faults.total";
  return epochIndex === null ? "makespanNs" : `epochs.${epochIndex}.makespanNs`;
}

/** The number at the path of a figure. */
export function numberAt(document: object, path: string): number {
  let at: unknown = document;
  for (const key of path.split(".")) at = (at as Readonly<Record<string, unknown>>)[key];
  return at as number;
}

/** The paths of all numbers of a side, such as `stallNs.p50`. */
export function figurePaths(value: object): string[] {
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (typeof part === "number") return [key];
    return typeof part === "object" && part !== null ? figurePaths(part).map((path) => `${key}.${path}`) : [];
  });
}

/** Decides the kind of one side's figures. */
class Judge {
  private readonly counters: Counters;
  /** Whether this side is the self-replay. */
  private readonly isRecord: boolean;
  /** Kind of the figures for the walker's work, and for the causes of faults. */
  private readonly ofWork: FigureKind;
  readonly ofFaults: FigureKind;
  private readonly ofTime: FigureKind;

  constructor(
    private readonly strategy: Strategy,
    private readonly session: Session,
  ) {
    const { replay, source } = session;
    this.counters = replay.counters(strategy);
    this.isRecord = isSelfReplay(strategy, session);
    const { total, recorded } = this.counters;
    const matching = replay.judgement.total;
    if (this.isRecord) {
      const isWhole = matching.missing === 0 && matching.extra === 0;
      this.ofWork = isWhole ? "exact" : "modelled";
      this.ofFaults = total === recorded ? "recorded" : this.ofWork;
    } else {
      // A single vCPU races with no other: its accesses keep their order, however long they take.
      const isAlone = replay.fold.vcpus === 1;
      this.ofWork = isAlone ? "exact" : "modelled";
      this.ofFaults = isAlone && !hasAccesses(source) ? "at least" : this.ofWork;
    }
    const waitNs = [Cost.lockWait, Cost.cpuWait, Cost.retry].reduce(
      (sum, cost) => sum + (this.counters.costNs[cost] as number),
      0,
    );
    this.ofTime = recordedRatio(this.counters) === 1 && waitNs === 0 ? "recorded" : "modelled";
  }

  kindAt(path: string): FigureKind {
    const [group, name] = path.split(".") as [string, string];
    switch (group) {
      case "mmioAborts":
        return "recorded";
      case "faults":
        return this.ofFault(name);
      case "ops":
        return this.ofWork;
      case "windows":
        return name === "count" && !this.areWindowsRecorded ? this.ofWork : this.ofWindow;
      case "makespanNs":
        return this.isMakespanRecorded ? "recorded" : this.ofTime;
      case "costNs":
        return this.ofCost(costs.indexOf(name as StallCost));
      default:
        return this.ofTime;
    }
  }

  ofEpoch(index: number): FigureKind {
    const { makespanNs, recordedMakespanNs } = this.counters.epochs[index]!;
    return this.isRecord && makespanNs === recordedMakespanNs ? "recorded" : this.ofTime;
  }

  private ofFault(name: string): FigureKind {
    if (name === "total") return this.ofFaults;
    return name === "added" && addsAtLeast(this.strategy, this.session) ? "at least" : this.ofWork;
  }

  private get ofWindow(): FigureKind {
    return this.areWindowsRecorded ? "recorded" : "modelled";
  }

  private get areWindowsRecorded(): boolean {
    const { windows, recordedWindows } = this.counters;
    return this.isRecord && windows === recordedWindows;
  }

  private get isMakespanRecorded(): boolean {
    return this.counters.epochs.every((_, index) => this.ofEpoch(index) === "recorded");
  }

  /** A wait results from everything else in the replay; and where it is uncertain who faults, so is what that costs. */
  private ofCost(cost: number): FigureKind {
    if (!this.isRecord && this.ofWork !== "exact") return "modelled";
    const { costNs, recordedCostNs } = this.counters;
    const ns = costNs[cost] as number;
    // A recorded walk is divided between these two in the profile's proportion.
    if (cost === Cost.walk || cost === Cost.teardown) return "modelled";
    return ns > 0 && (recordedCostNs[cost] as number) >= ns * NEARLY_ALL ? "recorded" : "modelled";
  }
}
