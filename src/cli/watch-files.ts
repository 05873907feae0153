/** What a command that replays a trace writes beside its result, told of each episode while the replay runs. */

import { resolve } from "node:path";
import type { Argv } from "yargs";
import type { TraceResult } from "../compare/trace-result.js";
import { type ReplayStart, together, type Watcher } from "../compare/watcher.js";
import { UsageError } from "../errors.js";
import type { WatchReport } from "../report/watch-report.js";
import { OutputFile } from "./output.js";

/** Throws UsageError where the name says that it cannot be written. */
type MakeReport = (
  start: ReplayStart,
  write: (piece: string | Uint8Array) => void,
  name: string,
) => WatchReport;

/** A kind of file, and the option that asks for it. */
export interface WatchFileKind {
  readonly option: string;
  readonly describe: string;
  /** It can do with repetitions told as such; else each of their faults is replayed for it. */
  readonly hearsRepetitions: boolean;
  /** What only this kind needs is loaded when it is asked for. */
  load(): Promise<MakeReport>;
}

export interface WatchFiles {
  /** Nothing where nobody watches. */
  readonly options: { readonly observer?: Watcher };
  /** Makes the files appear. */
  finish(result: TraceResult): Promise<void>;
}

export function addWatchFiles<T>(yargs: Argv<T>, kinds: readonly WatchFileKind[]): Argv<T> {
  return kinds.reduce(
    (argv, { option, describe }) => argv.option(option, { type: "string", requiresArg: true, describe }),
    yargs,
  );
}

/** The file that the option names, to be written when the result is there; undefined where none is asked for. */
export function openFileBeside(
  args: Readonly<Record<string, unknown>>,
  option: string,
): OutputFile | undefined {
  const name = args[option];
  if (typeof name !== "string") return undefined;
  checkName(`--${option}`, name, namesTaken(args));
  return new OutputFile(name);
}

/** @param others who watch too */
export async function openWatchFiles(
  args: Readonly<Record<string, unknown>>,
  kinds: readonly WatchFileKind[],
  others: readonly Watcher[] = [],
): Promise<WatchFiles> {
  const taken = namesTaken(args);
  const files: WatchFile[] = [];
  for (const kind of kinds) {
    const name = args[kind.option];
    if (typeof name !== "string") continue;
    checkName(`--${kind.option}`, name, taken);
    files.push(new WatchFile(kind, await kind.load(), name));
  }
  const observer = together([...others, ...files.map((file) => file.watcher)]);
  return {
    options: observer === undefined ? {} : { observer },
    finish: async (result) => {
      for (const file of files) await file.finish(result);
    },
  };
}

function namesTaken({ output }: Readonly<Record<string, unknown>>): Map<string, string> {
  return new Map(typeof output === "string" ? [[resolve(output), "--output"]] : []);
}

function checkName(option: string, name: string, taken: Map<string, string>): void {
  if (name === "-") throw new UsageError(`${option}: expected a file: standard output is for the result`);
  const other = taken.get(resolve(name));
  if (other !== undefined) throw new UsageError(`${option} and ${other}: both name ${name}`);
  taken.set(resolve(name), option);
}

class WatchFile {
  readonly watcher: Watcher;
  private report: WatchReport | undefined;
  private readonly file: OutputFile;

  constructor(
    { hearsRepetitions }: WatchFileKind,
    private readonly makeReport: MakeReport,
    private readonly name: string,
  ) {
    this.file = new OutputFile(name);
    this.watcher = {
      begins: (start) => this.begin(start),
      ended: (episode, activity) => this.report?.ended?.(episode, activity),
      closed: (side, epoch) => this.report?.closed?.(side, epoch),
      ...(hearsRepetitions ? { repeated: (repetition) => this.report?.repeated?.(repetition) } : {}),
    };
  }

  private begin(start: ReplayStart): void {
    if (this.report !== undefined) this.file.restart();
    this.report = this.makeReport(start, (piece) => this.file.write(piece), this.name);
  }

  async finish(result: TraceResult): Promise<void> {
    await this.report?.finish(result);
    this.file.finish();
  }
}
