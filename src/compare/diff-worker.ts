/** A thread of diffAll: a job comes in, its answer goes out. */

import { parentPort } from "node:worker_threads";
import { Aliases } from "../trace/import/aliases.js";
import { diffTrace } from "./diff.js";
import type { DiffAnswer, DiffMessage, ErrorMessage } from "./diff-pool.js";

parentPort?.on("message", async (message: DiffMessage) => {
  parentPort?.postMessage(await answer(message));
});

async function answer({ job, aliases }: DiffMessage): Promise<DiffAnswer> {
  try {
    return { result: await diffTrace({ ...job, import: { ...job.import, aliases: new Aliases(aliases) } }) };
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
