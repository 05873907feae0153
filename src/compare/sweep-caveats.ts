/** Merges the caveats of many results, each once. */

import type { Caveat } from "./result.js";

/** A number that is not part of a version or a word, with the noun after it, whose plural it decides. */
const counted = /(?<![\w.])(\d[\d,]*)(?![\w.,]*\w)( [a-z]+?s?\b)?/g;

export interface SharedCaveat extends Caveat {
  /** Number of results that have it. */
  readonly points: number;
}

/** The caveats in the order in which they occur. Those that differ only in numbers are merged: `LEAST to MOST`. */
export function shareCaveats(results: readonly (readonly Caveat[])[]): SharedCaveat[] {
  const shared = new Map<string, { code: string; texts: Set<string>; points: number }>();
  for (const caveats of results)
    for (const { code, text } of caveats) {
      const key = `${code} ${text.replace(counted, (_, __, noun = "") => `#${noun.replace(/s$/, "")}`)}`;
      const known = shared.get(key) ?? { code, texts: new Set(), points: 0 };
      shared.set(key, { ...known, texts: known.texts.add(text), points: known.points + 1 });
    }
  return [...shared.values()].map(({ code, texts, points }) => ({ code, text: merge([...texts]), points }));
}

function merge(texts: readonly string[]): string {
  const found = texts.map((text) => [...text.matchAll(counted)]);
  let at = 0;
  return texts[0]!.replace(counted, () => {
    const inOrder = found
      .map((of) => of[at] as RegExpExecArray)
      .sort(([, a], [, b]) => numberOf(a!) - numberOf(b!));
    at++;
    const [[, least], [most, number]] = [inOrder[0]!, inOrder.at(-1)!];
    return least === number ? most : `${least} to ${most}`;
  });
}

function numberOf(number: string): number {
  return Number(number.replaceAll(",", ""));
}
