/**
 * `npm run reproduce`: replays the experiment that the patch's author published, as a described workload under a cost
 * profile, and sets each published time beside the replayed one. A stage's time is that of the slowest vCPU, which
 * is what the test takes: from before it lets the vCPUs go until the last one is back.
 */

import { fileURLToPath } from "node:url";
import {
  type Memory,
  meanSeconds,
  publishedRows,
  publishedWorkload,
  type Variant,
  walkers,
} from "../compare/published.js";
import { replaySession } from "../compare/session.js";
import { Cost } from "../replay/counters.js";
import { strategyByName } from "../strategy/index.js";
import type { Strategy } from "../strategy/strategy.js";

export const published = fileURLToPath(new URL("../../src/cost/published/kunpeng920.csv", import.meta.url));

/** What a replay of ADJUST comes to under one walker; ns. */
export interface Reproduced {
  readonly adjustNs: number;
  /** Over all vCPUs: waiting for the MMU lock, cleaning. */
  readonly lockWaitNs: number;
  readonly cleanNs: number;
  readonly faults: number;
}

/** Replays the whole test and gives its ADJUST stage under each of the experiment's walkers. */
export async function reproduce(
  memory: Memory,
  gib: number,
  vcpus: number,
): Promise<Record<Variant, Reproduced>> {
  const input = publishedWorkload(memory, gib, vcpus);
  const sides = Object.values(walkers).map((name) => strategyByName(name) as Strategy);
  const { replay } = await replaySession({ input, lenient: false, epoch: "ADJUST" }, sides);
  const outcomes = Object.entries(walkers).map(([variant, name]) => {
    const counters = replay.counters(strategyByName(name) as Strategy);
    const adjustNs = counters.epochs.find(({ label }) => label === "ADJUST")?.makespanNs as number;
    const cost = (of: number) => counters.costNs[of] as number;
    const { lockWait, clean } = Cost as { lockWait: number; clean: number };
    return [variant, { adjustNs, lockWaitNs: cost(lockWait), cleanNs: cost(clean), faults: counters.total }];
  });
  return Object.fromEntries(outcomes) as Record<Variant, Reproduced>;
}

const percent = (ratio: number) => `${ratio < 0 ? "" : "+"}${(ratio * 100).toFixed(1)} %`;
const seconds = (ns: number) => (ns / 1e9).toFixed(3);

async function main(): Promise<void> {
  const line = (...cells: (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
  line("20 GiB", "vCPUs", "variant", "published", "replayed", "error", "row", "faults", "lock wait", "clean");
  line("---", "--:", "---", "--:", "--:", "--:", "---", "--:", "--:", "--:");
  const done = new Map<string, Record<Variant, Reproduced>>();
  let worst = 0;
  for (const row of publishedRows(published)) {
    const { memory, gib, vcpus, variant, seconds: runs, used } = row;
    const key = `${memory} ${gib} ${vcpus}`;
    const replayed = done.get(key) ?? (await reproduce(memory, gib, vcpus));
    done.set(key, replayed);
    const { adjustNs, lockWaitNs, cleanNs, faults } = replayed[variant];
    const error = adjustNs / 1e9 / meanSeconds(row) - 1;
    if (used === "predicted") worst = Math.max(worst, Math.abs(error));
    const spread = runs.length === 1 ? "" : ` (${Math.min(...runs)} to ${Math.max(...runs)})`;
    const published = `${meanSeconds(row).toFixed(3)}${spread}`;
    const cells = [memory, vcpus, variant, published, seconds(adjustNs), percent(error), used];
    line(...cells, faults, seconds(lockWaitNs), seconds(cleanNs));
  }
  console.log(`\nlargest error of a predicted row: ${(worst * 100).toFixed(1)} %`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
