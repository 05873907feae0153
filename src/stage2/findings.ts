import { hex } from "./address-text.js";
import { type Finding, type Rule, rules, type Tally } from "./finding.js";
import type { WalkLog } from "./walk-log.js";

/** What is done to a table; each is one operation of Stage2. */
export type OperationName = "map" | "unmap" | "wrprotect" | "relax" | "young" | "old" | "flush" | "destroy";

/** The operation under way. */
export interface Operating {
  readonly name: OperationName;
  readonly ipa: number;
  readonly bytes: number;
  /** Of a map. */
  readonly phys: number;
  readonly prot: number;
}

/** An entry's place; NaN where there is none. */
export interface Place {
  readonly ipa: number;
  readonly level: number;
}

export const NO_PLACE: Place = { ipa: Number.NaN, level: Number.NaN };

/** Collects what is found: each rule once in full, and how often. */
export class Findings {
  operating: Operating = { name: "map", ipa: 0, bytes: 0, phys: 0, prot: 0 };
  operation = 0;
  private readonly tallies = new Map<Rule, { count: number; pages: number; first: Finding }>();

  constructor(private readonly log: WalkLog) {}

  /** What was found so far: what was broken first comes first; of one operation in the order of `rules`. */
  get all(): Tally[] {
    const order = new Map(rules.map((rule, i) => [rule, i]));
    return [...this.tallies]
      .map(([rule, tally]) => ({ rule, ...tally }))
      .sort((a, b) => a.first.operation - b.first.operation || order.get(a.rule)! - order.get(b.rule)!);
  }

  /**
   * @param pages of memory exposed or of tables leaked
   * @param quote the walk's log where the finding began; default: as it stands
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

  /** The operation in words. */
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
