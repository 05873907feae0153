/** What each figure of a result is: taken from the trace, certain, a bound, or the outcome of a model. */

import { Cost, type Counters, costs } from "../replay/counters.js";
import type { Strategy } from "../strategy/strategy.js";
import { hasAccesses } from "./accesses.js";
import { addsAtLeast, isSelfReplay } from "./caveats.js";
import type { Figure, FigureKind, ReplayResult, StallCost, Verdict } from "./result.js";
import type { Session } from "./session.js";
import { recordedRatio } from "./summary.js";
import type { ResultSide } from "./trace-result.js";

type Change = NonNullable<Verdict["change"]>;

/** Sums of shares of times: equal but for rounding. */
const NEARLY_ALL = 1 - 1e-9;

/** Each number of a side, by its path there; of the epochs that are shown, as `epochs.0.makespanNs`. */
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

/** The number of a side at a path of its own: of the replay, as `stallNs.p50`, or of the side, as `epochs.0.makespanNs`. */
export function numberOf({ replay, epochs }: Pick<ResultSide, "replay" | "epochs">, path: string): number {
  return path.startsWith("epochs.") ? numberAt({ epochs }, path) : numberAt(replay, path);
}

/** The path of the number in a side that a verdict is about. */
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

/** The way to each number of a side, as `stallNs.p50`. */
export function figurePaths(value: object): string[] {
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (typeof part === "number") return [key];
    return typeof part === "object" && part !== null ? figurePaths(part).map((path) => `${key}.${path}`) : [];
  });
}

/** What may be said of one side's figures. */
class Judge {
  private readonly counters: Counters;
  /** This side is the self-replay. */
  private readonly isRecord: boolean;
  /** Of the work that the walker does, and of why an access faults. */
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
      // One vCPU has nobody to race with: its accesses come in their order, whatever they take.
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

  /** A wait is what the replay makes of all else; and where it is not sure who faults, it is not of what that takes. */
  private ofCost(cost: number): FigureKind {
    if (!this.isRecord && this.ofWork !== "exact") return "modelled";
    const { costNs, recordedCostNs } = this.counters;
    const ns = costNs[cost] as number;
    // A recorded walk is shared out between the two in the profile's proportion.
    if (cost === Cost.walk || cost === Cost.teardown) return "modelled";
    return ns > 0 && (recordedCostNs[cost] as number) >= ns * NEARLY_ALL ? "recorded" : "modelled";
  }
}
