/** A profile in which one figure is another: what would be if it were. */

import type { FigureName, ProfileDocument } from "./profile.js";

/** Nanoseconds, or how many times what the profile has. */
export type FigureChange = number | { readonly ratio: number };

/**
 * The other figures stay as they are, those too that only follow from a sum with this one. A figure that some walkers
 * have apart changes for these as well.
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

/** Reads take `ratio` times as long, however many vCPUs read. */
export function scaleGuestReads(document: ProfileDocument, ratio: number): ProfileDocument {
  const { guestReadNs } = document;
  const points = guestReadNs.points.map(({ vcpus, ns }) => ({ vcpus, ns: ns * ratio }));
  return { ...document, guestReadNs: { ...guestReadNs, points } };
}
