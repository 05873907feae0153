import type { Strategy } from "../strategy/strategy.js";

/** The names of strategies, as in a sentence. */
export function namesOf(strategies: readonly Strategy[], word: "and" | "or"): string {
  return strategies.map(({ name }) => name).join(` ${word} `);
}
