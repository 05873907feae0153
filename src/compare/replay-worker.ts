/** A worker thread of replayAll: it receives a job and sends back the answer. */

import { parentPort } from "node:worker_threads";
import { Aliases } from "../import/aliases.js";
import type { ErrorMessage, ReplayAnswer, ReplayMessage } from "./replay-pool.js";
import { replayUnder } from "./replay-under.js";

parentPort?.on("message", async (message: ReplayMessage) => {
  parentPort?.postMessage(await answer(message));
});

async function answer({ job, aliases }: ReplayMessage): Promise<ReplayAnswer> {
  try {
    return {
      result: await replayUnder({ ...job, import: { ...job.import, aliases: new Aliases(aliases) } }),
    };
  } catch (error) {
    const { name, message, stack, where, problem } = error as ErrorMessage;
    return {
      error: {
        name,
        message,
        ...(stack === undefined ? {} : { stack }),
        ...(where === undefined ? {} : { where }),
        ...(problem === undefined ? {} : { problem }),
      },
    };
  }
}
