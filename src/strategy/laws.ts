import { StrategyError } from "../errors.js";
import { forEachLeaf } from "../stage2/leaves.js";
import type { Meter } from "../stage2/meter.js";
import type { PageTable } from "../stage2/page-table.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import { SanitizedStage2 } from "./sanitized-stage2.js";
import { Errno, Stage2, type Stage2Config } from "./stage2.js";
import type { Law, Strategy } from "./strategy.js";

const silent: Meter = { charge() {}, stored() {} };

/** One step of a script that the laws are tried on. */
export type Operation =
  | {
      readonly op: "map";
      readonly ipa: number;
      readonly bytes: number;
      readonly phys: number;
      readonly prot: number;
      readonly cachePages?: number;
    }
  | { readonly op: "unmap" | "wrprotect"; readonly ipa: number; readonly bytes: number }
  | { readonly op: "relax"; readonly ipa: number; readonly prot: number }
  | { readonly op: "young" | "old"; readonly ipa: number };

export interface Breach {
  readonly law: Law;
  /** Index of the operation, or the script's length when the end shows it. */
  readonly at: number;
  readonly problem: string;
}

/**
 * Runs a script under a strategy that is sanitized, side by side with a reference, and returns each law that it
 * broke; of what the sanitizer finds, the first breach of each rule.
 * Deviations that the strategy declares are returned too: the caller knows whether the script provokes them.
 */
export function breaches(
  strategy: Strategy,
  reference: Strategy,
  config: Stage2Config,
  script: readonly Operation[],
): Breach[] {
  const found: Breach[] = [];
  const subject = new SanitizedStage2(config, strategy, silent);
  const model = new Stage2(config, reference, silent);
  const { sanitizer } = subject;
  for (const [at, operation] of script.entries()) {
    sanitizer.number = at;
    try {
      const answer = perform(subject, operation);
      subject.endOperation();
      const expected = perform(model, operation);
      model.endOperation();
      if (!agrees(strategy, operation, answer, expected))
        found.push({
          law: "same-answer",
          at,
          problem: `${operation.op} returned ${answer}, not ${expected}`,
        });
    } catch (error) {
      // The sanitizer has taken note.
      if (!(error instanceof StrategyError)) throw error;
      return [...found, ...unsound(sanitizer)];
    }
  }
  const difference = tableDifference(subject.table, model.table);
  if (difference !== undefined) found.push({ law: "same-table", at: script.length, problem: difference });
  sanitizer.number = script.length;
  try {
    subject.destroy();
  } catch (error) {
    if (!(error instanceof StrategyError)) throw error;
  }
  return [...found, ...unsound(sanitizer)];
}

function unsound(sanitizer: Sanitizer): Breach[] {
  return sanitizer.found.map(({ rule, first: { operation: at, problem } }) => ({ law: rule, at, problem }));
}

/** Where the first table's leaves or its size differ from the second's, in words. */
function tableDifference(subject: PageTable, model: PageTable): string | undefined {
  const [ours, theirs] = [contents(subject), contents(model)];
  const i = ours.findIndex((line, at) => line !== theirs[at]);
  if (i < 0 && ours.length === theirs.length) return undefined;
  const at = i < 0 ? ours.length : i;
  return `${ours[at] ?? "nothing"} where the reference has ${theirs[at] ?? "nothing"}`;
}

/** Under the read lock, relaxing or ageing what is not mapped answers -EAGAIN; else 0 (golden truth 5). */
function agrees(strategy: Strategy, { op }: Operation, answer: number, expected: number): boolean {
  if (answer === expected) return true;
  const isRefault = strategy.generation.faultsShareLock && (op === "relax" || op === "young");
  return isRefault && answer === Errno.EAGAIN && expected === 0;
}

function perform(stage2: Stage2, operation: Operation): number {
  switch (operation.op) {
    case "map":
      return stage2.map(operation.ipa, operation.bytes, operation.phys, operation.prot, operation.cachePages);
    case "unmap":
      return stage2.unmap(operation.ipa, operation.bytes);
    case "wrprotect":
      return stage2.wrprotect(operation.ipa, operation.bytes);
    case "relax":
      return stage2.relaxPerms(operation.ipa, operation.prot);
    case "young":
      return stage2.mkyoung(operation.ipa);
    case "old":
      return stage2.mkold(operation.ipa);
  }
}

/** The table's leaves and its size, one line each. */
function contents(table: PageTable): string[] {
  const lines: string[] = [];
  forEachLeaf(table, (ipa, level, lo, hi) => {
    lines.push(`0x${ipa.toString(16)} level ${level}: ${hi.toString(16)}:${lo.toString(16)}`);
  });
  lines.push(`${table.livePages} pages`);
  return lines;
}
