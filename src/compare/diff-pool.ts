/** Many diffs at once: each is independent of the others, so their results do not depend on how many threads there are. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ModelError, StrategyError, UnsupportedTraceError, UsageError } from "../errors.js";
import { diffTrace } from "./diff.js";
import type { DiffOptions } from "./options.js";
import type { DiffResult } from "./result.js";

/** A diff that another thread can be asked for: plain data, nobody to call back. */
export type DiffJob = Omit<DiffOptions, "onProgress">;

/** What a worker answers. */
export type DiffAnswer =
  | { readonly result: DiffResult }
  | { readonly error: { readonly name: string; readonly message: string } };

export interface PoolOptions {
  /** Threads; 1 = this one. Default: as many as there are CPUs. */
  readonly threads?: number;
  /** Called after each diff. */
  readonly onDone?: (done: number, total: number) => void;
}

/** The results in the order of the jobs. Throws as diffTrace does, once the first job fails. */
export async function diffAll(jobs: readonly DiffJob[], options: PoolOptions = {}): Promise<DiffResult[]> {
  return settle(jobs, options, (result) => result);
}

/** The same, but a job whose strategy breaks its contract has that error for its result. */
export async function tryAll(
  jobs: readonly DiffJob[],
  options: PoolOptions = {},
): Promise<(DiffResult | StrategyError)[]> {
  return settle<DiffResult | StrategyError>(jobs, options, (result) =>
    result.catch((error: unknown) => {
      if (error instanceof StrategyError) return error;
      throw error;
    }),
  );
}

async function settle<T>(
  jobs: readonly DiffJob[],
  options: PoolOptions,
  settled: (result: Promise<DiffResult>) => Promise<T>,
): Promise<T[]> {
  const threads = Math.min(jobs.length, options.threads ?? availableParallelism());
  const results: T[] = [];
  let next = 0;
  let done = 0;
  const work = async (diff: (job: DiffJob) => Promise<DiffResult>): Promise<void> => {
    while (next < jobs.length) {
      const index = next++;
      results[index] = await settled(diff(jobs[index]!));
      options.onDone?.(++done, jobs.length);
    }
  };
  if (threads <= 1) {
    await work(diffTrace);
    return results;
  }
  const workers = Array.from(
    { length: threads },
    () => new Worker(new URL("./diff-worker.js", import.meta.url)),
  );
  try {
    await Promise.all(workers.map((worker) => work((job) => ask(worker, job))));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return results;
}

function ask(worker: Worker, job: DiffJob): Promise<DiffResult> {
  return new Promise((resolve, reject) => {
    const answered = (answer: DiffAnswer): void => {
      worker.off("error", reject);
      if ("result" in answer) resolve(answer.result);
      else reject(errorOf(answer.error));
    };
    worker.once("message", answered);
    worker.once("error", reject);
    worker.postMessage(job);
  });
}

/** An error keeps its kind, which tells the exit status, on its way from thread to thread; one of a line, its text. */
function errorOf({ name, message }: { name: string; message: string }): Error {
  switch (name) {
    case "UsageError":
    case "TraceFormatError":
      return new UsageError(message);
    case "UnsupportedTraceError":
      return new UnsupportedTraceError(message);
    case "StrategyError":
      return new StrategyError(message);
    default:
      return new ModelError(message);
  }
}
