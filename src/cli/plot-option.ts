/** `--plot`, of the commands that replay a trace. */

import type { Argv } from "yargs";
import type { TraceResult } from "../compare/trace-result.js";
import { UsageError } from "../errors.js";
import { Plot } from "../report/plot/plot.js";
import { wantsColor } from "./output.js";

/** Where the width is not a terminal's. */
const widthElsewhere = 80;
const narrowest = 60;
const widest = 200;

export interface PlotArguments {
  plot: boolean;
  format: string;
  output: string | undefined;
}

export function addPlot<T>(yargs: Argv<T>): Argv<T & Pick<PlotArguments, "plot">> {
  return yargs.option("plot", {
    type: "boolean",
    default: false,
    describe: "below the text: the stalls by length, and who waited for whom when, in characters",
  });
}

/** Undefined where no plot is asked for. Throws UsageError where the format has no place for it. */
export function openPlot({ plot, format }: PlotArguments): Plot | undefined {
  if (!plot) return undefined;
  if (format === "json")
    throw new UsageError("--plot: expected --format text or markdown: json has no picture");
  return new Plot();
}

/** As it stands below the result; nothing without a plot. */
export function renderPlot(
  plot: Plot | undefined,
  result: TraceResult,
  { format, output }: PlotArguments,
): string {
  if (plot === undefined) return "";
  const onTerminal = output === undefined || output === "-";
  const columns = (onTerminal ? process.stdout.columns : undefined) ?? widthElsewhere;
  const width = Math.min(widest, Math.max(narrowest, columns));
  if (format === "markdown") {
    const text = plot.render(result, { width, color: false });
    return `\n\`\`\`\n${text.replaceAll("`", "'")}\`\`\`\n`;
  }
  return `\n${plot.render(result, { width, color: wantsColor(output) })}`;
}
