/** The rules that a sanitizer checks. Findings are reported in this order. */
export const rules = [
  "break-before-make",
  "flush-before-break",
  "flush-too-narrow",
  "flush-missing",
  "stale-translation",
  "unclean-leaf",
  "freed-while-reachable",
  "freed-before-flush",
  "freed-twice",
  "freed-no-table",
  "walk-into-freed",
  "leaked-pages",
  "wrong-reference-count",
  "bad-answer",
] as const;
export type Rule = (typeof rules)[number];

export function isRule(law: string): law is Rule {
  return (rules as readonly string[]).includes(law);
}

/** What it means on a machine when a rule is broken. */
export const meanings: Readonly<Record<Rule, string>> = {
  "break-before-make":
    "a valid entry was changed between table and block, or to another address, size or memory type, without invalid + TLBI between",
  "flush-before-break": "the TLBI came while the entry was still valid: the CPU may have cached it again",
  "flush-too-narrow": "the TLBI left some of what the entry led to in the TLB",
  "flush-missing": "an entry was broken and made anew without any TLBI",
  "stale-translation":
    "a translation that the table no longer has is left in the TLB at the end of the operation",
  "unclean-leaf":
    "memory became visible to the guest that was not cleaned to the point of coherency (no FWB)",
  "freed-while-reachable": "a table page was freed that the hardware can still walk into from the root",
  "freed-before-flush": "a table page was freed that the CPU may still walk into from its walk cache",
  "freed-twice": "a reference was dropped to a table page that was already free",
  "freed-no-table": "a reference was dropped to a page that never was a table",
  "walk-into-freed": "the walk visited an entry of a table page that was already free",
  "leaked-pages": "a table page is alive, but nothing leads to it",
  "wrong-reference-count": "a table page's reference count is not 1 + its valid entries",
  "bad-answer": "an answer outside the contract, or success without the mapping",
};

/** One place where a walk broke a rule. */
export interface Finding {
  readonly rule: Rule;
  /** Number of the operation in the runner's count; the first is 1. */
  readonly operation: number;
  /** Description of the operation. */
  readonly during: string;
  /** Base of the range that the entry or table covers; NaN if there is no address. */
  readonly ipa: number;
  /** Level of the entry; NaN if there is none. */
  readonly level: number;
  /** What happened, in one sentence. */
  readonly problem: string;
  /**
   * The walk around the finding, one event per line; the line of the event that shows it begins with `>`. For a page
   * that is leaked or miscounted: what the operation did to it.
   */
  readonly log: readonly string[];
}

/** How often a rule was broken, and the first finding. `pages` counts exposed memory pages or leaked tables, else 0. */
export interface Tally {
  readonly rule: Rule;
  readonly count: number;
  readonly pages: number;
  readonly first: Finding;
}

/** Merges the findings of several tables: one tally per rule, with the first finding. */
export function mergeTallies(lists: readonly (readonly Tally[])[]): Tally[] {
  const merged = new Map<Rule, Tally>();
  for (const tally of lists.flat()) {
    const known = merged.get(tally.rule);
    if (known === undefined) merged.set(tally.rule, tally);
    else
      merged.set(tally.rule, {
        rule: tally.rule,
        count: known.count + tally.count,
        pages: known.pages + tally.pages,
        first: tally.first.operation < known.first.operation ? tally.first : known.first,
      });
  }
  return [...merged.values()];
}
