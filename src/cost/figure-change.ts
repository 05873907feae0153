/** Changes one figure of a profile, to see what would be. */

import type { FigureName, ProfileDocument } from "./profile.js";

/** Nanoseconds, or a factor on the profile's value. */
export type FigureChange = number | { readonly ratio: number };

/**
 * The other figures keep their values, even those derived from a sum with this one. If some walkers have their own
 * value of the figure, these change too.
 */
export function changeFigure(
  document: ProfileDocument,
  name: FigureName,
  change: FigureChange,
): ProfileDocument {
  const value = (ns: number) => (typeof change === "number" ? change : ns * change.ratio);
  const own = document.figures[name];
  const figures = { ...document.figures, [name]: { ...own, value: value(own.value) } };
  if (name !== "entryVisitNs" || document.walkers === undefined) return { ...document, figures };
  const walkers = Object.fromEntries(
    Object.entries(document.walkers).map(([walker, { entryVisitNs }]) => [
      walker,
      { entryVisitNs: { ...entryVisitNs, value: value(entryVisitNs.value) } },
    ]),
  );
  return { ...document, figures, walkers };
}

/** Makes reads take `ratio` times as long, for any number of reading vCPUs. */
export function scaleGuestReads(document: ProfileDocument, ratio: number): ProfileDocument {
  const { guestReadNs } = document;
  const points = guestReadNs.points.map(({ vcpus, ns }) => ({ vcpus, ns: ns * ratio }));
  return { ...document, guestReadNs: { ...guestReadNs, points } };
}
