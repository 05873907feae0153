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

export function startProgress(): ProgressBar {
  if (!process.stderr.isTTY) return { stop: stopProgress };
  const startedMs = Date.now();
  return {
    onProgress: ({ doneBytes, totalBytes }) => {
      // Of standard input nobody knows how much is left.
      if (totalBytes === undefined || Date.now() - startedMs < patienceMs) return;
      if (showing === undefined) {
        showing = new cliProgress.SingleBar({
          stream: process.stderr,
          format: "{bar} {percentage} % of {total} MiB, {eta_formatted} left",
          barCompleteChar: "#",
          barIncompleteChar: "-",
          clearOnComplete: true,
          hideCursor: true,
        });
        showing.start(Math.ceil(totalBytes / mib), Math.floor(doneBytes / mib));
      }
      showing.update(Math.floor(doneBytes / mib));
    },
    stop: stopProgress,
  };
}
