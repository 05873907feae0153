/**
 * `npm run validate:kernels [-- FOLDER]`: predicts each kernel's figures from the recordings of the others, and sets
 * what was measured on it beside them. FOLDER holds KERNEL/SCENARIO/RUN/trace.dat and figures.csv; without it the
 * shipped recordings are taken. `--format json` or `markdown`; `--scenario NAME` takes one.
 */

import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { emit } from "../cli/output.js";
import { startCount } from "../cli/progress.js";
import { UsageError } from "../errors.js";
import { jsonText } from "../json-text.js";
import { kernelMatrix, type Prediction } from "./kernel-matrix.js";
import { renderMarkdown, renderText } from "./kernel-matrix-text.js";
import { recordingsIn, shippedRecordings } from "./kernel-recordings.js";
import { toItsEnd } from "./to-its-end.js";

const shipped = fileURLToPath(new URL("../../traces", import.meta.url));

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { format: { type: "string", default: "text" }, scenario: { type: "string" } },
  });
  const { scenario, format } = values;
  const render = formats[format];
  if (render === undefined)
    throw new UsageError(`--format: expected one of ${Object.keys(formats).join(", ")}, got ${format}`);
  const [folder] = positionals;
  const { recordings, measured } = folder === undefined ? shippedRecordings(shipped) : recordingsIn(folder);
  const chosen = recordings.filter((one) => scenario === undefined || one.scenario === scenario);
  if (chosen.length === 0) throw new UsageError(`no recording of scenario ${scenario}`);
  const { stop, onDone } = startCount("recordings");
  emit(render(await kernelMatrix({ recordings: chosen, measured }, onDone).finally(stop)), undefined);
}

const formats: Readonly<Record<string, (predictions: readonly Prediction[]) => string>> = {
  text: renderText,
  markdown: renderMarkdown,
  json: (predictions) => jsonText({ schema: "s2replay-kernels/1", predictions }),
};

await toItsEnd("validate:kernels", async () => {
  await main();
  return false;
});
