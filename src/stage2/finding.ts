/** What a sanitizer can find wrong with a walk. The order is the one in which findings are reported. */
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

/** What breaking each rule means on a machine. */
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
  /** Number of the operation, as the runner counts them; the first is 1. */
  readonly operation: number;
  /** The operation in words. */
  readonly during: string;
  /** Base of the range that the entry or table covers; NaN where nothing has an address. */
  readonly ipa: number;
  /** Level of the entry; NaN where there is none. */
  readonly level: number;
  /** What happened, in one sentence. */
  readonly problem: string;
  /** The walk around it, one line an event; the one that shows it begins with `>`. */
  readonly log: readonly string[];
}

/** A rule that was broken: how often, and where first. `pages` of memory exposed or of tables leaked, else 0. */
export interface Tally {
  readonly rule: Rule;
  readonly count: number;
  readonly pages: number;
  readonly first: Finding;
}

/** Several tables' findings as one list: each rule once, where it was first broken. */
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
