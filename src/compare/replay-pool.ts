/** Runs many replays at once. They are independent, so the results do not depend on the number of threads. */

import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ModelError, StrategyError, TraceFormatError, UnsupportedTraceError, UsageError } from "../errors.js";
import type { ImportOptions } from "../import/recording-source.js";
import type { SidesOptions } from "./options.js";
import { replayUnder } from "./replay-under.js";
import type { TraceResult } from "./trace-result.js";

/** A replay that another thread can run: plain data, without callbacks. */
export type ReplayJob = Omit<SidesOptions, "onProgress" | "observer">;

/** A job as it is sent to a worker. Objects with methods cannot be sent, so aliases are sent as their text. */
export interface ReplayMessage {
  readonly job: ReplayJob;
  readonly aliases: readonly string[];
}

/** The answer of a worker. */
export type ReplayAnswer = { readonly result: TraceResult } | { readonly error: ErrorMessage };

/** An error as it is sent to another thread. */
export type ErrorMessage = Pick<Error, "name" | "message" | "stack"> &
  Partial<Pick<TraceFormatError, "where" | "problem">>;

export interface PoolOptions {
  /** Number of threads; 1 = only this one. Default: the number of CPUs. */
  readonly threads?: number;
  /** Called at the start, and after each replay. */
  readonly onDone?: (done: number, total: number) => void;
  /** Name of a job, put before its error message; the error of a malformed trace names its place instead. */
  readonly nameOf?: (job: number) => string;
}

/**
 * Returns the results in the order of the jobs. Once a job fails no other is started. Throws the error of the first
 * failed job in that order, as replayUnder does, whichever thread was the fastest.
 */
export async function replayAll(
  jobs: readonly ReplayJob[],
  options: PoolOptions = {},
): Promise<TraceResult[]> {
  return settle(jobs, options, (result) => result);
}

/** Like replayAll, but if a strategy breaks its contract, that error is the result of its job. */
export async function tryAll(
  jobs: readonly ReplayJob[],
  options: PoolOptions = {},
): Promise<(TraceResult | StrategyError)[]> {
  return settle<TraceResult | StrategyError>(jobs, options, (result) =>
    result.catch((error: unknown) => {
      if (error instanceof StrategyError) return error;
      throw error;
    }),
  );
}

async function settle<T>(
  jobs: readonly ReplayJob[],
  options: PoolOptions,
  settled: (result: Promise<TraceResult>) => Promise<T>,
): Promise<T[]> {
  const threads = Math.min(jobs.length, options.threads ?? availableParallelism());
  const results: T[] = [];
  const failed: { index: number; error: unknown }[] = [];
  let next = 0;
  let done = 0;
  const work = async (replay: (job: ReplayJob) => Promise<TraceResult>): Promise<void> => {
    while (next < jobs.length && failed.length === 0) {
      const index = next++;
      try {
        results[index] = await settled(replay(jobs[index]!));
      } catch (error) {
        failed.push({ index, error });
        return;
      }
      options.onDone?.(++done, jobs.length);
    }
  };
  options.onDone?.(0, jobs.length);
  if (threads <= 1) await work(replayUnder);
  else {
    const workers = Array.from(
      { length: threads },
      () => new Worker(new URL("./replay-worker.js", import.meta.url)),
    );
    try {
      await Promise.all(workers.map((worker) => work((job) => ask(worker, job))));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }
  const [first] = failed.sort((a, b) => a.index - b.index);
  if (first === undefined) return results;
  throw named(first.error, options.nameOf?.(first.index));
}

function named(error: unknown, job: string | undefined): unknown {
  if (job !== undefined && error instanceof Error && !(error instanceof TraceFormatError))
    error.message = `${job}: ${error.message}`;
  return error;
}

function ask(worker: Worker, job: ReplayJob): Promise<TraceResult> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new StrategyError("a strategy ended the program"));
    worker.once("message", (answer: ReplayAnswer) => {
      worker.off("error", reject).off("exit", ended);
      if ("result" in answer) resolve(answer.result);
      else reject(errorOf(answer.error));
    });
    worker.once("error", reject).once("exit", ended);
    worker.postMessage(messageOf(job));
  });
}

function messageOf(job: ReplayJob): ReplayMessage {
  const { aliases, ...rest } = job.import ?? ({} as ImportOptions);
  return { job: { ...job, import: rest }, aliases: aliases?.specs ?? [] };
}

/** Rebuilds an error from another thread with its class, which determines the exit status. */
function errorOf({ name, message, stack, where, problem }: ErrorMessage): Error {
  const error = ((): Error => {
    switch (name) {
      case "TraceFormatError":
        return new TraceFormatError(where ?? "", problem ?? message);
      case "UsageError":
        return new UsageError(message);
      case "UnsupportedTraceError":
        return new UnsupportedTraceError(message);
      case "StrategyError":
        return new StrategyError(message);
      default:
        return new ModelError(message);
    }
  })();
  if (stack !== undefined) error.stack = stack;
  return error;
}
