/** What the commands that replay a trace do alike. */

import type { z } from "zod";
import type { TraceOptions } from "../compare/options.js";
import type { SampleOptions } from "../compare/samples.js";
import type { AnyResult } from "../report/rows.js";
import { openPlot } from "./plot-option.js";
import { startCount, startReplay } from "./progress.js";
import { withRereadable } from "./rereadable.js";
import { columnsFrom, deliver, failOnOf, type TraceArguments, traceOptionsOf } from "./trace-options.js";
import { parseCount } from "./values.js";
import { openWatchFiles, type WatchFileKind } from "./watch-files.js";

/** What each of them does its own way. */
export interface Replaying<R extends AnyResult, O extends TraceOptions> {
  readonly schema: z.ZodType;
  /** That --columns knows. */
  readonly columns: readonly string[];
  readonly kinds: readonly WatchFileKind[];
  readonly options: Omit<O, keyof TraceOptions>;
  replay(options: O): Promise<R>;
  sample(result: R, options: O, sampling: SampleOptions): Promise<R>;
}

export async function replayAndDeliver<R extends AnyResult, O extends TraceOptions>(
  args: TraceArguments,
  { schema, columns: known, kinds, options: own, replay, sample }: Replaying<R, O>,
): Promise<void> {
  const failOn = failOnOf(args, schema);
  const options = { ...traceOptionsOf(args), ...own } as O;
  const count = args.samples === undefined ? undefined : parseCount("--samples", args.samples, 2);
  const seed = parseCount("--seed", args.seed, 0);
  const columns = columnsFrom(args, known);
  const plot = openPlot(args);
  const { stop, watchers, ...progress } = startReplay();
  const files = await openWatchFiles({ ...args }, kinds, [
    ...watchers,
    ...(plot === undefined ? [] : [plot]),
  ]);
  const whole = (given: O) => replay({ ...given, ...progress, ...files.options }).finally(stop);
  const result =
    count === undefined
      ? await whole(options)
      : await withRereadable(args.trace, async (input) => {
          const given = { ...options, ...input };
          const once = await whole(given);
          const { stop: end, ...bar } = startCount("draws");
          return sample(once, given, { count, seed, ...bar }).finally(end);
        });
  await files.finish(result);
  deliver(result, args, { failOn, columns, plot });
}
