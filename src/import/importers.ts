import { bpftraceJson } from "./bpftrace-json.js";
import type { Importer } from "./importer.js";
import { perfScript } from "./perf-script.js";
import { traceCmdText } from "./trace-cmd-text.js";
import { traceDat } from "./trace-dat/trace-dat.js";
import { tracefsText } from "./tracefs-text.js";

/** The formats, by what tells most surely first. */
export const importers: readonly Importer[] = [traceDat, bpftraceJson, tracefsText, traceCmdText, perfScript];
