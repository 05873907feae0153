/** A progress bar on stderr: only on a terminal, and only once the work has taken about a second. */

import cliProgress from "cli-progress";
import type { Progress } from "../compare/options.js";

const patienceMs = 1000;
const mib = 1024 * 1024;

export interface ProgressBar {
  readonly onProgress?: (progress: Progress) => void;
  stop(): void;
}

export interface CountBar {
  readonly onDone?: (done: number, total: number) => void;
  stop(): void;
}

let showing: cliProgress.SingleBar | undefined;

/** Takes the bar off the terminal and gives the cursor back. For signal handlers too. */
export function stopProgress(): void {
  showing?.stop();
  showing = undefined;
}

/** By bytes read. */
export function startProgress(): ProgressBar {
  const show = startBar("MiB");
  if (show === undefined) return { stop: stopProgress };
  return {
    onProgress: ({ doneBytes, totalBytes }) => {
      // Of standard input nobody knows how much is left.
      if (totalBytes !== undefined) show(Math.floor(doneBytes / mib), Math.ceil(totalBytes / mib));
    },
    stop: stopProgress,
  };
}

/** By whole pieces of work, `noun` being what many of them are called. */
export function startCount(noun: string): CountBar {
  const show = startBar(noun);
  return show === undefined ? { stop: stopProgress } : { onDone: show, stop: stopProgress };
}

/** Undefined where nobody would see it. */
function startBar(unit: string): ((done: number, total: number) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  const startedMs = Date.now();
  return (done, total) => {
    if (Date.now() - startedMs < patienceMs) return;
    if (showing === undefined) {
      showing = new cliProgress.SingleBar({
        stream: process.stderr,
        format: `{bar} {percentage} % of {total} ${unit}, {eta_formatted} left`,
        barCompleteChar: "#",
        barIncompleteChar: "-",
        clearOnComplete: true,
        hideCursor: true,
      });
      showing.start(total, done);
    } else showing.update(done);
  };
}
