import { hex, plural } from "./address-text.js";
import type { Finding, Tally } from "./finding.js";

/** `flush-missing, 3 times`; `unclean-leaf, 32 times, 8,160 pages`. */
export function findingHeadline({ rule, count, pages }: Pick<Tally, "rule" | "count" | "pages">): string {
  const times = count === 1 ? "once" : plural(count, "time");
  return `${rule}, ${times}${pages === 0 ? "" : `, ${plural(pages, "page")}`}`;
}

/** `level 2, IPA 0x40000000: what happened`; without a place, only what happened. */
export function findingProblem({ ipa, level, problem }: Pick<Finding, "ipa" | "level" | "problem">): string {
  return Number.isNaN(ipa) ? problem : `level ${level}, IPA ${hex(ipa)}: ${problem}`;
}
