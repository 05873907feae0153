import { hex } from "./address-text.js";
import { type Finding, type Rule, rules, type Tally } from "./finding.js";
import type { WalkLog } from "./walk-log.js";

/** The operations of Stage2. */
export type OperationName = "map" | "unmap" | "wrprotect" | "relax" | "young" | "old" | "flush" | "destroy";

/** The running operation. */
export interface Operating {
  readonly name: OperationName;
  readonly ipa: number;
  readonly bytes: number;
  /** Used by map only. */
  readonly phys: number;
  readonly prot: number;
}

/** Where an entry is; NaN if there is none. */
export interface Place {
  readonly ipa: number;
  readonly level: number;
}

export const NO_PLACE: Place = { ipa: Number.NaN, level: Number.NaN };

/** Collects findings: the first of each rule in full, the others as a count. */
export class Findings {
  operating: Operating = { name: "map", ipa: 0, bytes: 0, phys: 0, prot: 0 };
  operation = 0;
  private readonly tallies = new Map<Rule, { count: number; pages: number; first: Finding }>();

  constructor(private readonly log: WalkLog) {}

  /** All tallies so far, by the operation that first broke the rule, then in the order of `rules`. */
  get all(): Tally[] {
    const order = new Map(rules.map((rule, i) => [rule, i]));
    return [...this.tallies]
      .map(([rule, tally]) => ({ rule, ...tally }))
      .sort((a, b) => a.first.operation - b.first.operation || order.get(a.rule)! - order.get(b.rule)!);
  }

  /**
   * @param pages number of exposed memory pages or leaked tables
   * @param quote the walk's log where the finding began; default: the log as it is now
   */
  report(rule: Rule, { ipa, level }: Place, problem: string, pages = 0, quote?: readonly string[]): void {
    const tally = this.tallies.get(rule);
    if (tally !== undefined) {
      tally.count++;
      tally.pages += pages;
      return;
    }
    const log = quote ?? this.log.quote();
    const first = { rule, operation: this.operation, during: this.during, ipa, level, problem, log };
    this.tallies.set(rule, { count: 1, pages, first });
  }

  /** Description of the operation. */
  private get during(): string {
    const { name, ipa, bytes, phys } = this.operating;
    switch (name) {
      case "destroy":
        return name;
      case "map":
        return `map ${hex(ipa)} ${hex(bytes)} ${hex(phys)}`;
      case "unmap":
      case "wrprotect":
      case "flush":
        return `${name} ${hex(ipa)} ${hex(bytes)}`;
      default:
        return `${name} ${hex(ipa)}`;
    }
  }
}
