/**
 * How far long work has come, on stderr: only on a terminal, and only once it has taken about a second. A bar with an
 * estimate where it is known how much there is to do, else what was done.
 */

import cliProgress from "cli-progress";
import type { Progress } from "../compare/options.js";
import type { Watcher } from "../compare/watcher.js";
import { formatCount, formatPlural } from "../report/quantity.js";

const patienceMs = 1000;
const mib = 1024 * 1024;
/** The clock is looked at after so many faults. */
const faultsBetween = 4096;

export interface ProgressBar {
  readonly onProgress?: (progress: Progress) => void;
  stop(): void;
}

/** Of what is read without a replay. */
export interface ReadingBar {
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
  stop(): void;
}

export interface ReplayBar extends ProgressBar {
  /** Counts what is replayed: a few lines of a trace may stand for millions of faults. */
  readonly watchers: readonly Watcher[];
}

export interface CountBar {
  readonly onDone?: (done: number, total: number) => void;
  stop(): void;
}

let showing: cliProgress.SingleBar | undefined;
let waiting: NodeJS.Timeout | undefined;

/** Takes the line off the terminal and gives the cursor back. For signal handlers too. */
export function stopProgress(): void {
  clearTimeout(waiting);
  showing?.stop();
  waiting = showing = undefined;
}

/** By bytes read. */
export function startProgress(): ProgressBar {
  let at: Progress = { doneBytes: 0 };
  const line = startLine((elapsedS) => bytesText(at, elapsedS));
  if (line === undefined) return { stop: stopProgress };
  return {
    onProgress: (progress) => {
      at = progress;
      line.draw();
    },
    stop: stopProgress,
  };
}

/** The same, told in the words of the reader of traces. */
export function startReading(): ReadingBar {
  const { onProgress, stop } = startProgress();
  if (onProgress === undefined) return { stop };
  return {
    onProgress: (doneBytes, totalBytes) =>
      onProgress(totalBytes === undefined ? { doneBytes } : { doneBytes, totalBytes }),
    stop,
  };
}

/** By bytes read; once all are, or where nobody knows how many there are, by faults replayed too. */
export function startReplay(): ReplayBar {
  let at: Progress = { doneBytes: 0 };
  let faults = 0;
  let lookAt = 0;
  const line = startLine((elapsedS) =>
    at.totalBytes !== undefined && at.doneBytes < at.totalBytes
      ? bytesText(at, elapsedS)
      : `${mibText(at.doneBytes)} read, ${formatPlural(faults, "fault")} replayed, ${timeText(elapsedS)}`,
  );
  if (line === undefined) return { watchers: [], stop: stopProgress };
  return {
    onProgress: (progress) => {
      at = progress;
      line.draw();
    },
    watchers: [
      {
        begins: () => {
          faults = lookAt = 0;
        },
        ended: ({ laps }) => {
          faults += laps;
          if (faults < lookAt) return;
          lookAt = faults + faultsBetween;
          line.draw();
        },
        repeated: ({ byCause }) => {
          faults = byCause.reduce((sum, count) => sum + count, faults);
          line.draw();
        },
      },
    ],
    stop: stopProgress,
  };
}

/** By whole pieces of work, `noun` being what many of them are called. */
export function startCount(noun: string): CountBar {
  let at = { done: 0, total: 0 };
  const line = startLine((elapsedS) =>
    barText(at.done, at.total, `${formatCount(at.total)} ${noun}`, elapsedS),
  );
  if (line === undefined) return { stop: stopProgress };
  return {
    onDone: (done, total) => {
      at = { done, total };
      line.draw();
    },
    stop: stopProgress,
  };
}

/** Of text written to a file. What goes to standard output is seen there, or by the progress of its reader. */
export function startWriting(file: string | undefined): {
  readonly onWritten?: (chars: number) => void;
  stop(): void;
} {
  if (file === undefined || file === "-") return { stop: stopProgress };
  const { show, stop } = startTally();
  return { onWritten: (chars) => show(`${mibText(chars)} written`), stop };
}

/** What nobody knows the end of: `show` says how far it is. */
export function startTally(): { readonly show: (text: string) => void; stop(): void } {
  let at = "";
  const line = startLine((elapsedS) => `${at}, ${timeText(elapsedS)}`);
  return {
    show: (text) => {
      at = text;
      line?.draw();
    },
    stop: stopProgress,
  };
}

export function mibText(bytes: number): string {
  return `${(bytes / mib).toFixed(1)} MiB`;
}

function bytesText({ doneBytes, totalBytes }: Progress, elapsedS: number): string {
  if (totalBytes === undefined || doneBytes >= totalBytes)
    return `${mibText(doneBytes)} read, ${timeText(elapsedS)}`;
  return barText(doneBytes, totalBytes, mibText(totalBytes), elapsedS);
}

const barWidth = 40;
/** Of less than this share nothing follows for the rest. */
const leastEstimated = 0.05;

function barText(done: number, total: number, all: string, elapsedS: number): string {
  const ratio = total === 0 ? 0 : Math.min(1, done / total);
  const full = Math.round(barWidth * ratio);
  const bar = "#".repeat(full) + "-".repeat(barWidth - full);
  const left =
    ratio < leastEstimated ? timeText(elapsedS) : `${timeText((elapsedS * (1 - ratio)) / ratio)} left`;
  return `${bar} ${Math.floor(100 * ratio)} % of ${all}, ${left}`;
}

/** `7s`, `2m05s`, `1h02m`. */
function timeText(seconds: number): string {
  const s = Math.round(seconds);
  const two = (n: number) => String(n).padStart(2, "0");
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m${two(s % 60)}s`;
  return `${Math.floor(s / 3600)}h${two(Math.floor((s % 3600) / 60))}m`;
}

/** Undefined where nobody would see it. `draw` says that there is something new. */
function startLine(text: (elapsedS: number) => string): { draw(): void } | undefined {
  if (!process.stderr.isTTY) return undefined;
  const startedMs = Date.now();
  const elapsedMs = () => Date.now() - startedMs;
  let isBegun = false;
  const draw = () => {
    if (elapsedMs() < patienceMs) return;
    if (showing === undefined) {
      showing = new cliProgress.SingleBar({
        stream: process.stderr,
        format: () => text(elapsedMs() / 1000),
        clearOnComplete: true,
        hideCursor: true,
      });
      showing.start(1, 0);
    } else showing.update(0);
  };
  return {
    draw: () => {
      // Work on other threads leaves this one free to wait.
      if (!isBegun) waiting = setTimeout(draw, patienceMs + 1).unref();
      isBegun = true;
      draw();
    },
  };
}
