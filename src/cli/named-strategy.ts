import { standInText } from "../strategy/kernel-release.js";
import { loadStrategy } from "../strategy/load.js";
import type { Strategy } from "../strategy/strategy.js";

/** What loadStrategy loads, for a command that prints no caveats: who stands for a release is said on standard error. */
export async function namedStrategy(name: string): Promise<Strategy> {
  const strategy = await loadStrategy(name);
  const text = standInText(name, strategy);
  if (text !== undefined) process.stderr.write(`s2replay: ${text}\n`);
  return strategy;
}
