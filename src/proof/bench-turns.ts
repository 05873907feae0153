/** How the benchmarks measure: each contender in a process of its own, in turns. */

import { spawnSync } from "node:child_process";

/** User and system time of this process so far. */
export function cpuSeconds(): number {
  const { userCPUTime, systemCPUTime } = process.resourceUsage();
  return (userCPUTime + systemCPUTime) / 1e6;
}

/**
 * Each contender's best of some runs, in the order of the names: other processes only ever add to CPU time, and in
 * turns the machine's moods hit all alike.
 * @param program is run as `node PROGRAM CONTENDER PATH` and prints one JSON object
 */
export function bestInTurns<Measured extends { readonly cpu: number }>(
  program: string,
  contenders: readonly string[],
  path: string,
  runs: number,
): Measured[] {
  const best: Measured[] = [];
  for (let run = 0; run < runs; run++) {
    for (const [index, contender] of contenders.entries()) {
      const child = spawnSync(process.execPath, [program, contender, path], { encoding: "utf8" });
      if (child.status !== 0) throw new Error(`${contender} failed: ${child.stderr}`);
      const measured = JSON.parse(child.stdout) as Measured;
      if (best[index] === undefined || measured.cpu < best[index].cpu) best[index] = measured;
    }
  }
  return best;
}
