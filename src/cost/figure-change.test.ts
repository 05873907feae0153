import { expect, it } from "vitest";
import { changeFigure, scaleGuestReads } from "./figure-change.js";
import { figureNames, loadProfile } from "./profile.js";

const emulated = loadProfile("emulated");

it.each(figureNames)("%s changes, and nothing else", (name) => {
  const profile = loadProfile(changeFigure(emulated.document, name, 12_345));
  for (const each of figureNames)
    expect(profile.figure(each)).toBe(each === name ? 12_345 : emulated.figure(each));
  expect(profile.guestReadNs(7)).toBe(emulated.guestReadNs(7));
});

it("a figure that walkers have of their own changes for each of them", () => {
  const [walker] = Object.keys(emulated.document.walkers ?? {}) as [string];
  expect(emulated.figure("entryVisitNs", walker)).not.toBe(emulated.figure("entryVisitNs"));
  const set = loadProfile(changeFigure(emulated.document, "entryVisitNs", 5));
  expect([set.figure("entryVisitNs"), set.figure("entryVisitNs", walker)]).toEqual([5, 5]);
  const halved = loadProfile(changeFigure(emulated.document, "entryVisitNs", { ratio: 0.5 }));
  for (const of of [undefined, walker])
    expect(halved.figure("entryVisitNs", of)).toBe(emulated.figure("entryVisitNs", of) / 2);
});

it("guest reads scale at every number of vCPUs", () => {
  const document = loadProfile("kunpeng920").document;
  const doubled = loadProfile(scaleGuestReads(document, 2));
  for (const vcpus of [1, 7, 60, 100])
    expect(doubled.guestReadNs(vcpus)).toBeCloseTo(2 * loadProfile(document).guestReadNs(vcpus), 9);
});
