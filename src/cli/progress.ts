/** A progress bar on stderr: only on a terminal, and only once the work has taken about a second. */

import cliProgress from "cli-progress";
import type { Progress } from "../compare/options.js";

const patienceMs = 1000;
const mib = 1024 * 1024;

export interface ProgressBar {
  readonly onProgress?: (progress: Progress) => void;
  stop(): void;
}

let showing: cliProgress.SingleBar | undefined;

/** Takes the bar off the terminal and gives the cursor back. For signal handlers too. */
export function stopProgress(): void {
  showing?.stop();
  showing = undefined;
}

export interface CountingBar {
  readonly onDone: (done: number, total: number) => void;
  stop(): void;
}

/** The same for work that comes in pieces. */
export function startCounting(pieces: string): CountingBar {
  const startedMs = Date.now();
  return {
    onDone: (done, total) => {
      if (!process.stderr.isTTY || Date.now() - startedMs < patienceMs) return;
      showing ??= newBar(`{bar} {value} of {total} ${pieces}, {eta_formatted} left`, total);
      showing.update(done);
    },
    stop: stopProgress,
  };
}

function newBar(format: string, total: number): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    format,
    barCompleteChar: "#",
    barIncompleteChar: "-",
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  return bar;
}

export function startProgress(): ProgressBar {
  if (!process.stderr.isTTY) return { stop: stopProgress };
  const startedMs = Date.now();
  return {
    onProgress: ({ doneBytes, totalBytes }) => {
      // Of standard input nobody knows how much is left.
      if (totalBytes === undefined || Date.now() - startedMs < patienceMs) return;
      showing ??= newBar(
        "{bar} {percentage} % of {total} MiB, {eta_formatted} left",
        Math.ceil(totalBytes / mib),
      );
      showing.update(Math.floor(doneBytes / mib));
    },
    stop: stopProgress,
  };
}
