/** Formats a sanitizer's findings: one line per strategy for the heading, and each finding with its walk. */

import type { ResultFinding } from "../compare/result.js";
import type { TraceResult } from "../compare/trace-result.js";
import { findingHeadline, findingProblem } from "../stage2/finding-text.js";
import { formatPlural } from "./quantity.js";

/** Says which strategies were clean and which were not. Empty if no sanitizer watched. */
export function verdictsOf(result: TraceResult): string[] {
  const { findings } = result;
  if (findings == null) return [];
  const names = new Set(result.sides.map(({ replay }) => replay.strategy));
  return [...names].map((name) => {
    const broken = findings.filter(({ strategy }) => strategy === name).length;
    return `${name}: ${broken === 0 ? "nothing found" : `${formatPlural(broken, "rule")} broken, see below`}`;
  });
}

export interface FindingText {
  readonly headline: string;
  readonly problem: string;
  readonly log: readonly string[];
}

export function findingTexts({ findings }: TraceResult): FindingText[] {
  return (findings ?? []).map((finding) => ({
    headline: `${finding.strategy}: ${findingHeadline(finding)}`,
    problem: `${finding.operation}, line ${finding.line} of the trace: ${problemOf(finding)}`,
    log: finding.log,
  }));
}

function problemOf({ ipa, level, problem }: ResultFinding): string {
  return findingProblem({
    ipa: ipa === null ? Number.NaN : Number(ipa),
    level: level ?? Number.NaN,
    problem,
  });
}
