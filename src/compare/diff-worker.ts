/** A thread of diffAll: a job comes in, its answer goes out. */

import { parentPort } from "node:worker_threads";
import { diffTrace } from "./diff.js";
import type { DiffAnswer, DiffJob } from "./diff-pool.js";

parentPort?.on("message", async (job: DiffJob) => {
  parentPort?.postMessage(await answer(job));
});

async function answer(job: DiffJob): Promise<DiffAnswer> {
  try {
    return { result: await diffTrace(job) };
  } catch (error) {
    const { name, message } = error as Error;
    return { error: { name, message } };
  }
}
