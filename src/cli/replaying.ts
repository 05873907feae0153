/** What the commands that replay a trace do alike. */

import type { z } from "zod";
import type { SidesOptions } from "../compare/options.js";
import { replayUnder } from "../compare/replay-under.js";
import { sampled } from "../compare/samples.js";
import { canBeReadAgain } from "../trace/byte-source.js";
import { openPlot } from "./plot-option.js";
import { startCount, startReplay } from "./progress.js";
import { withRereadable } from "./rereadable.js";
import { columnsFrom, deliver, failOnOf, type TraceArguments, traceOptionsOf } from "./trace-options.js";
import { parseCount } from "./values.js";
import { openWatchFiles, type WatchFileKind } from "./watch-files.js";

/** What each of them does its own way. */
export interface Replaying extends Pick<SidesOptions, "kind" | "strategies" | "ablate" | "explain"> {
  readonly schema: z.ZodType;
  /** That --columns knows. */
  readonly columns: readonly string[];
  readonly files: readonly WatchFileKind[];
}

export async function replayAndDeliver(
  args: TraceArguments,
  { schema, columns: known, files: fileKinds, ...own }: Replaying,
): Promise<void> {
  const failOn = failOnOf(args, schema);
  const { explain: wantsExplanation = false } = own;
  const explain = wantsExplanation && canBeReadAgain(args.trace);
  const options: SidesOptions = { ...traceOptionsOf(args), ...own, explain };
  const count = args.samples === undefined ? undefined : parseCount("--samples", args.samples, 2);
  const seed = parseCount("--seed", args.seed, 0);
  const columns = columnsFrom(args, known);
  const plot = openPlot(args);
  const { stop, watchers, ...progress } = startReplay();
  const files = await openWatchFiles({ ...args }, fileKinds, [
    ...watchers,
    ...(plot === undefined ? [] : [plot]),
  ]);
  const whole = (given: SidesOptions) =>
    replayUnder({ ...given, ...progress, ...files.options }).finally(stop);
  const result =
    count === undefined
      ? await whole(options)
      : await withRereadable(args.trace, async (input) => {
          const given = { ...options, ...input, explain: wantsExplanation };
          const once = await whole(given);
          const { stop: end, ...bar } = startCount("draws");
          return sampled(once, given, { count, seed, ...bar }).finally(end);
        });
  await files.finish(result);
  deliver(result, args, { failOn, columns, plot });
}
