/** Draws other plausible values of a profile's assumed figures. */

import { type FigureName, figureNames, type ProfileDocument } from "./profile.js";

/** Most attempts at a draw that the published sums allow. */
const TRIES = 1000;

/** The figures that have a range, and the assumed ones that have none and keep their value. */
export function drawnFigures({ figures }: ProfileDocument): { drawn: FigureName[]; kept: FigureName[] } {
  const assumed = figureNames.filter((name) => figures[name].assumed);
  return {
    drawn: figureNames.filter((name) => figures[name].range !== undefined),
    kept: assumed.filter((name) => figures[name].range === undefined),
  };
}

/**
 * Makes one draw: each figure with a range gets a value from it, uniform in its logarithm (uniform if the range begins
 * at 0) and independent of the others; then the remainder of each sum is adjusted to keep the sum.
 * @param random returns numbers in [0, 1)
 * @returns undefined if no draw was found in which no remainder is negative
 */
export function drawProfile(profile: ProfileDocument, random: () => number): ProfileDocument | undefined {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const drawn = withRemainders(drawOnce(profile, random), profile);
    if (drawn !== undefined) return drawn;
  }
  return undefined;
}

function drawOnce(profile: ProfileDocument, random: () => number): ProfileDocument {
  const figures = { ...profile.figures };
  for (const name of figureNames) {
    const { range } = figures[name];
    if (range !== undefined) figures[name] = { ...figures[name], value: within(range, random()) };
  }
  return { ...profile, figures };
}

function within([least, most]: readonly [number, number], share: number): number {
  return least > 0 ? least * (most / least) ** share : most * share;
}

/** Undefined if a remainder would be negative. */
function withRemainders(drawn: ProfileDocument, nominal: ProfileDocument): ProfileDocument | undefined {
  let profile = drawn;
  for (const { of, remainder } of nominal.sums ?? []) {
    const missing = sumOf(nominal, of) - sumOf(profile, of);
    const change = missing / (of[remainder] as number);
    if (remainder === "guestReadNs") {
      const points = profile.guestReadNs.points.map(({ vcpus, ns }) => ({ vcpus, ns: ns + change }));
      if (points[0]!.ns < 0) return undefined;
      profile = { ...profile, guestReadNs: { ...profile.guestReadNs, points } };
    } else {
      const value = profile.figures[remainder].value + change;
      if (value < 0) return undefined;
      profile = {
        ...profile,
        figures: { ...profile.figures, [remainder]: { ...profile.figures[remainder], value } },
      };
    }
  }
  return profile;
}

type SumTerms = NonNullable<ProfileDocument["sums"]>[number]["of"];

function sumOf({ figures, guestReadNs }: ProfileDocument, of: SumTerms): number {
  return Object.entries(of).reduce((sum, [name, count]) => {
    const ns = name === "guestReadNs" ? guestReadNs.points[0]!.ns : figures[name as FigureName].value;
    return sum + count * ns;
  }, 0);
}
