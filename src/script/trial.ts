import { StrategyError } from "../errors.js";
import type { Tally } from "../stage2/finding.js";
import type { PageTable } from "../stage2/page-table.js";
import { tee } from "../stage2/tee.js";
import type { Strategy } from "../strategy/strategy.js";
import type { Script } from "./script.js";
import { type Return, ScriptRun } from "./script-run.js";

/** What a strategy did with one scenario, under the sanitizer's eyes. */
export interface Trial {
  readonly found: readonly Tally[];
  /** What each operation returned, up to the one that failed. */
  readonly returns: readonly Return[];
  /** Where a destroy ends the scenario: as it was before. */
  readonly table: PageTable;
  /** The operation that broke the strategy's contract threw this; the sanitizer has taken note. */
  readonly failure: StrategyError | undefined;
}

/**
 * Runs a scenario with the sanitizer on.
 * @param beforeEnd sees the table before a destroy empties it, or at the end
 */
export function tryScript(strategy: Strategy, script: Script, beforeEnd?: (table: PageTable) => void): Trial {
  const run = new ScriptRun(strategy, script, tee(), true);
  const returns: Return[] = [];
  let failure: StrategyError | undefined;
  let isWhole = true;
  try {
    for (const operation of script.operations) {
      if (operation.name === "destroy" && isWhole) {
        beforeEnd?.(run.stage2.table);
        isWhole = false;
      }
      returns.push(run.operate(operation));
    }
  } catch (error) {
    if (!(error instanceof StrategyError)) throw error;
    failure = error;
  }
  if (isWhole && failure === undefined) beforeEnd?.(run.stage2.table);
  return { found: run.sanitizer?.found ?? [], returns, table: run.stage2.table, failure };
}
