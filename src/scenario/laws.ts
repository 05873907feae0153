import { rules } from "../stage2/finding.js";
import { Errno } from "../strategy/stage2.js";
import type { Law, Strategy } from "../strategy/strategy.js";
import type { Extent } from "./extents.js";
import type { Operation, Script } from "./script.js";
import type { Return } from "./script-run.js";
import { type Trial, tryScript } from "./trial.js";

/** All laws, in the order in which breaches are reported. */
export const laws: readonly Law[] = [...rules, "same-answer", "same-table"];

/** A law that a strategy broke in one scenario: where it first did, and how often. */
export interface Breach {
  readonly law: Law;
  readonly count: number;
  /** Pages of memory exposed, or of tables leaked; else 0. */
  readonly pages: number;
  /** Number of the operation that first broke it, from 1; the last one where only the final state shows it. */
  readonly operation: number;
  readonly problem: string;
  /** The walk around the breach; empty where it is not a single step. */
  readonly log: readonly string[];
  /** Its address in the table; NaN where it has none. */
  readonly ipa: number;
  readonly level: number;
}

/**
 * Runs a scenario under a sanitized strategy and under a reference, and returns each law that the strategy broke.
 * Deviations that the strategy declares are returned too: the caller knows whether the scenario provokes them.
 */
export function breaches(strategy: Strategy, reference: Strategy, script: Script): Breach[] {
  const subject = tryScript(strategy, script);
  const model = tryScript(reference, script, false);
  const found: Breach[] = subject.found.map(({ rule, count, pages, first }) => ({
    law: rule,
    count,
    pages,
    operation: first.operation,
    problem: first.problem,
    log: first.log,
    ipa: first.ipa,
    level: first.level,
  }));
  // A scenario that ended early, because the strategy broke its contract, has nothing to compare.
  if (subject.returns.length < script.operations.length) return found;
  return [
    ...found,
    ...otherAnswers(strategy, reference, script, subject, model),
    ...otherTable(reference, script, subject, model),
  ];
}

function otherAnswers(
  strategy: Strategy,
  reference: Strategy,
  { operations }: Script,
  { returns }: Trial,
  model: Trial,
): Breach[] {
  const differing = operations
    .map((operation, i) => ({ operation, i, ours: returns[i] ?? null, theirs: model.returns[i] ?? null }))
    .filter(({ operation, ours, theirs }) => !agrees(strategy, reference, operation, ours, theirs));
  const [first] = differing;
  if (first === undefined) return [];
  const problem = `${first.operation.name} returned ${first.ours}, where ${reference.name} returns ${first.theirs}`;
  return [{ ...nowhere, law: "same-answer", count: differing.length, operation: first.i + 1, problem }];
}

/**
 * Whether two answers agree. Relaxing what is not mapped returns -EAGAIN under the read lock and 0 otherwise. What
 * young and old return does not count as an answer.
 */
function agrees(
  strategy: Strategy,
  reference: Strategy,
  { name }: Operation,
  ours: Return,
  theirs: Return,
): boolean {
  if (ours === theirs || name === "young" || name === "old") return true;
  if (name !== "relax" || strategy.generation.faultsShareLock === reference.generation.faultsShareLock)
    return false;
  return [ours, theirs].every((answer) => answer === 0 || answer === Errno.EAGAIN);
}

function otherTable(reference: Strategy, { operations }: Script, subject: Trial, model: Trial): Breach[] {
  const [ours, theirs] = [subject.mappings, model.mappings];
  const length = Math.max(ours.length, theirs.length);
  for (let i = 0; i < length; i++) {
    if (String(ours[i]) === String(theirs[i])) continue;
    const problem = `at the end it maps ${extentText(ours[i])}, where ${reference.name} maps ${extentText(theirs[i])}`;
    return [{ ...nowhere, law: "same-table", operation: operations.length, problem }];
  }
  return [];
}

const nowhere = { count: 1, pages: 0, log: [], ipa: Number.NaN, level: Number.NaN };

function extentText(extent: Extent | undefined): string {
  if (extent === undefined) return "nothing more";
  const [ipa, level, phys, letters, leaves] = extent;
  return `${ipa} to ${phys} ${letters} by ${leaves} x level ${level}`;
}
