/** `--events FILE`: every replayed event as a line of NDJSON. */

import { once } from "node:events";
import { resolve } from "node:path";
import ndjson from "ndjson";
import { eventOf } from "../compare/events.js";
import type { ReplayOptions } from "../compare/options.js";
import { UsageError } from "../errors.js";
import { OutputFile } from "./output.js";

/** Written to the file in pieces of about this many characters. */
const pieceLength = 64 * 1024;

export interface EventsFile {
  /** Nothing where no file is asked for: the replay then makes no events. */
  readonly options: Pick<ReplayOptions, "observer">;
  /** Makes the file appear. */
  finish(): Promise<void>;
}

export function openEvents(name: string | undefined, result: string | undefined): EventsFile {
  if (name === undefined) return { options: {}, finish: async () => {} };
  if (name === "-") throw new UsageError("--events: expected a file: standard output is for the result");
  if (result !== undefined && resolve(name) === resolve(result)) {
    throw new UsageError(`--events and --output: both name ${name}`);
  }
  const file = new OutputFile(name);
  let piece = "";
  const lines = ndjson.stringify();
  lines.on("data", (line: string) => {
    piece += line;
    if (piece.length < pieceLength) return;
    file.write(piece);
    piece = "";
  });
  return {
    options: {
      observer: {
        ended: (episode) => {
          if (episode.side === 0 && episode.counted) lines.write(eventOf(episode));
        },
      },
    },
    finish: async () => {
      lines.end();
      await once(lines, "end");
      file.write(piece);
      file.finish();
    },
  };
}
