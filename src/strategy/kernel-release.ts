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

/** The strategy that models each release up to and including this one. */
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
 * The strategy for a mainline or stable kernel of this release, as `uname -r` prints it. A distribution's suffix is
 * ignored, and so are its patches. Undefined for a release before v5.10 or text that is not a release.
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

/** NaN for text that is not a release. */
function releaseOf(text: string): number {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  return Number(major) * 1000 + Number(minor);
}

/** Whether the name is just a release, such as `v6.6`. */
export function isRelease(name: string): boolean {
  return /^v?\d+\.\d+(\.\d+)?$/.test(name);
}

/** The strategy that stands for a release. Throws UsageError if none does, also for a release later than all models. */
export function strategyOfRelease(name: string): Strategy {
  const isLater = releaseOf(name) > LAST_RELEASE;
  const strategy = isLater ? undefined : strategyByName(strategyOfKernel(name)?.name ?? "");
  if (strategy !== undefined) return strategy;
  const nearest = walkerUpTo.at(isLater ? -1 : 0)!.name;
  throw new UsageError(
    `no strategy stands for kernel ${name}: the nearest is ${nearest}, which models another walker`,
  );
}

/** Text that says that `strategy` stands for the named release; undefined if that is its own name. */
export function standInText(name: string, strategy: Strategy): string | undefined {
  if (!isRelease(name) || name === strategy.name) return undefined;
  return strategyOfKernel(name)?.caveat ?? `${strategy.name} stands for ${name}: the same walker`;
}
