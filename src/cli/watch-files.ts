/** What a command that replays a trace writes beside its result, told of each episode while the replay runs. */

import { resolve } from "node:path";
import type { Argv } from "yargs";
import type { ReplayStart, Watcher } from "../compare/watcher.js";
import { UsageError } from "../errors.js";
import type { AnyResult } from "../report/rows.js";
import type { WatchReport } from "../report/watch-report.js";
import { OutputFile } from "./output.js";

/** A kind of file, and the option that asks for it. */
export interface WatchFileKind {
  readonly option: string;
  readonly describe: string;
  /** It can do with repetitions told as such; else each of their faults is replayed for it. */
  readonly hearsRepetitions: boolean;
  /** Throws UsageError where the name says that it cannot be written. */
  report(start: ReplayStart, write: (piece: string | Uint8Array) => void, name: string): WatchReport;
}

export interface WatchFiles {
  /** Nothing where no file is asked for: then nobody watches. */
  readonly options: { readonly observer?: Watcher };
  /** Makes the files appear. */
  finish(result: AnyResult): Promise<void>;
}

export function addWatchFiles<T>(yargs: Argv<T>, kinds: readonly WatchFileKind[]): Argv<T> {
  return kinds.reduce(
    (argv, { option, describe }) => argv.option(option, { type: "string", requiresArg: true, describe }),
    yargs,
  );
}

export function openWatchFiles(
  args: Readonly<Record<string, unknown>>,
  kinds: readonly WatchFileKind[],
): WatchFiles {
  const taken = new Map<string, string>();
  if (typeof args.output === "string") taken.set(resolve(args.output), "--output");
  const files = kinds.flatMap((kind) => {
    const name = args[kind.option];
    if (typeof name !== "string") return [];
    checkName(`--${kind.option}`, name, taken);
    return [new WatchFile(kind, name)];
  });
  if (files.length === 0) return { options: {}, finish: async () => {} };
  const hears = kinds
    .filter(({ option }) => typeof args[option] === "string")
    .every(({ hearsRepetitions }) => hearsRepetitions);
  return {
    options: {
      observer: {
        begins: (start) => {
          for (const file of files) file.begin(start);
        },
        ended: (episode, activity) => {
          for (const { report } of files) report?.ended?.(episode, activity);
        },
        closed: (side, epoch) => {
          for (const { report } of files) report?.closed?.(side, epoch);
        },
        ...(hears
          ? {
              repeated: (repetition) => {
                for (const { report } of files) report?.repeated?.(repetition);
              },
            }
          : {}),
      },
    },
    finish: async (result) => {
      for (const file of files) await file.finish(result);
    },
  };
}

function checkName(option: string, name: string, taken: Map<string, string>): void {
  if (name === "-") throw new UsageError(`${option}: expected a file: standard output is for the result`);
  const other = taken.get(resolve(name));
  if (other !== undefined) throw new UsageError(`${option} and ${other}: both name ${name}`);
  taken.set(resolve(name), option);
}

class WatchFile {
  report: WatchReport | undefined;
  private readonly file: OutputFile;

  constructor(
    private readonly kind: WatchFileKind,
    private readonly name: string,
  ) {
    this.file = new OutputFile(name);
  }

  begin(start: ReplayStart): void {
    if (this.report !== undefined) this.file.restart();
    this.report = this.kind.report(start, (piece) => this.file.write(piece), this.name);
  }

  async finish(result: AnyResult): Promise<void> {
    await this.report?.finish(result);
    this.file.finish();
  }
}
