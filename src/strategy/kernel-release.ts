import { UsageError } from "../errors.js";
import { strategyByName } from "./index.js";
import type { Strategy } from "./strategy.js";

export interface KernelStrategy {
  /** May name a strategy that is not built in. */
  readonly name: string;
  readonly caveat?: string;
}

/** Releases are numbers here: major * 1000 + minor. */
const FIRST_RELEASE = 5_010;
const LAST_RELEASE = 7_002;

/** Strategy that is the walker of every release up to and including this one. */
const walkerUpTo: readonly { readonly release: number; readonly name: string; readonly caveat?: string }[] = [
  { release: 5_011, name: "v5.10" },
  { release: 5_013, name: "v5.12-rc1" },
  { release: 6_001, name: "v6.1" },
  { release: 6_003, name: "v6.12", caveat: "its walk does not read an entry again after TABLE_PRE" },
  { release: 6_005, name: "v6.12", caveat: "it has no TLBI by range" },
  { release: 6_012, name: "v6.12" },
  { release: LAST_RELEASE - 1, name: "v7.2", caveat: "the nearest later walker that is modelled" },
  { release: LAST_RELEASE, name: "v7.2" },
  { release: Number.POSITIVE_INFINITY, name: "v7.2", caveat: "the latest walker that is modelled" },
];

/**
 * The walker that a mainline or stable kernel of this release has, as `uname -r` prints it; a distribution's
 * suffix is ignored, and with it every patch. Undefined for a release before v5.10 or text that is none.
 */
export function strategyOfKernel(kernelRelease: string): KernelStrategy | undefined {
  const kernel = kernelRelease.trim();
  const release = releaseOf(kernel);
  const found = walkerUpTo.find((walker) => release <= walker.release);
  if (release < FIRST_RELEASE || found === undefined) return undefined;
  const { name, caveat } = found;
  return caveat === undefined
    ? { name }
    : { name, caveat: `kernel ${kernel} is replayed as ${name}: ${caveat}` };
}

/** NaN for text that is none. */
function releaseOf(text: string): number {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 1000 + Number(minor);
}

/** Whether it is written as a release alone, such as `v6.6`. */
export function isRelease(name: string): boolean {
  return /^v?\d+\.\d+(\.\d+)?$/.test(name);
}

/** The strategy that stands for a release. Throws UsageError where none does: no later walker is assumed here. */
export function strategyOfRelease(name: string): Strategy {
  const isLater = releaseOf(name) > LAST_RELEASE;
  const strategy = isLater ? undefined : strategyByName(strategyOfKernel(name)?.name ?? "");
  if (strategy !== undefined) return strategy;
  const nearest = walkerUpTo.at(isLater ? -1 : 0)!.name;
  throw new UsageError(
    `no strategy stands for kernel ${name}: the nearest is ${nearest}, which models another walker`,
  );
}

/** In words, that `strategy` stands for the release of this name; undefined where it goes by that name itself. */
export function standInText(name: string, strategy: Strategy): string | undefined {
  if (!isRelease(name) || name === strategy.name) return undefined;
  return strategyOfKernel(name)?.caveat ?? `${strategy.name} stands for ${name}: the same walker`;
}
