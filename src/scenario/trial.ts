import { StrategyError } from "../errors.js";
import type { Tally } from "../stage2/finding.js";
import { tee } from "../stage2/tee.js";
import type { Strategy } from "../strategy/strategy.js";
import { type Extent, extentsOf } from "./extents.js";
import type { Script } from "./script.js";
import { type Return, ScriptRun } from "./script-run.js";

/** What a strategy did in one scenario. */
export interface Trial {
  /** What the sanitizer found; empty if none watched. */
  readonly found: readonly Tally[];
  /** What each operation returned, up to the one that broke the strategy's contract. */
  readonly returns: readonly Return[];
  /** The mappings at the end, or before a destroy removed them. */
  readonly mappings: readonly Extent[];
}

/** Runs a scenario. It ends where the strategy breaks its contract, which the sanitizer has then noted. */
export function tryScript(strategy: Strategy, script: Script, sanitizes = true): Trial {
  const run = new ScriptRun(strategy, script, tee(), sanitizes);
  const { table } = run.stage2;
  const returns: Return[] = [];
  let mappings: readonly Extent[] = [];
  try {
    for (const operation of script.operations) {
      if (operation.name === "destroy" && !table.retired) mappings = extentsOf(table);
      returns.push(run.operate(operation));
    }
  } catch (error) {
    if (!(error instanceof StrategyError)) throw error;
  }
  if (!table.retired) mappings = extentsOf(table);
  return { found: run.sanitizer?.found ?? [], returns, mappings };
}
