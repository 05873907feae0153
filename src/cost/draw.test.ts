import fc from "fast-check";
import { expect, it } from "vitest";
import { seededRandom } from "../seeded-random.js";
import { drawnFigures, drawProfile } from "./draw.js";
import { type FigureName, figureNames, loadProfile, type ProfileDocument, parseProfile } from "./profile.js";

const kunpeng = loadProfile("kunpeng920").document;
const seeds = fc.integer();

const draw = (profile: ProfileDocument, seed: number) => drawProfile(profile, seededRandom(seed))!;

it("law: a drawn figure is in its range, and one that has no range and is no sum's remainder is unchanged", () => {
  const rests = (kunpeng.sums ?? []).map(({ remainder }) => remainder);
  fc.assert(
    fc.property(seeds, (seed) => {
      const drawn = draw(kunpeng, seed);
      for (const name of figureNames) {
        const { value, range } = kunpeng.figures[name];
        const [least, most] = range ?? [value, value];
        if (rests.includes(name)) continue;
        expect(drawn.figures[name].value, name).toBeGreaterThanOrEqual(least);
        expect(drawn.figures[name].value, name).toBeLessThanOrEqual(most);
      }
    }),
  );
});

it("law: a published sum of several figures is kept, and no remainder is negative", () => {
  const sum = ({ figures, guestReadNs }: ProfileDocument, of: Readonly<Record<string, number>>) =>
    Object.entries(of).reduce(
      (total, [name, n]) =>
        total + n * (name === "guestReadNs" ? guestReadNs.points[0]!.ns : figures[name as FigureName].value),
      0,
    );
  fc.assert(
    fc.property(seeds, (seed) => {
      const drawn = draw(kunpeng, seed);
      for (const { of, source } of kunpeng.sums!)
        expect(sum(drawn, of) / sum(kunpeng, of), source).toBeCloseTo(1, 9);
      expect(() => parseProfile(drawn, "drawn")).not.toThrow();
    }),
  );
});

it("law: the same seed draws the same, another one something else", () => {
  expect(draw(kunpeng, 7)).toEqual(draw(kunpeng, 7));
  expect(draw(kunpeng, 8)).not.toEqual(draw(kunpeng, 7));
});

it("draws evenly by order of magnitude", () => {
  const random = seededRandom(1);
  const values = Array.from({ length: 1000 }, () => drawProfile(kunpeng, random)!.figures.deferFreeNs.value);
  const [least, most] = kunpeng.figures.deferFreeNs.range!;
  const middle = Math.sqrt(least * most);
  expect(values.filter((value) => value < middle).length / values.length).toBeCloseTo(0.5, 1);
});

it("names what it draws, and the assumptions that it cannot", () => {
  const { drawn, kept } = drawnFigures(loadProfile("emulated").document);
  expect(drawn).toContain("tableFreeNs");
  expect(kept).toEqual(["lockHandoffNs"]);
});

it("gives up if the ranges leave a sum no remainder", () => {
  const figures = {
    ...kunpeng.figures,
    tailNs: { ...kunpeng.figures.tailNs, range: [1e6, 2e6] as [number, number] },
  };
  expect(drawProfile({ ...kunpeng, figures }, seededRandom(1))).toBeUndefined();
});
