/** A fit gives back the profile that made the durations, says what it cannot know, and is not moved by what disturbs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../seeded-random.js";
import { type Calibration, calibrate } from "./calibrate.js";
import { CostSample } from "./cost-sample.js";
import { type CostProfile, type FigureName, loadProfile, parseProfile } from "./profile.js";

type Counts = Partial<Record<FigureName, number>>;

const kunpeng = loadProfile("kunpeng920");
const emulated = loadProfile("emulated");

/** Operations as a host has them; what varies tells the figures apart. */
function operations(random: () => number): [string, Counts][] {
  const upTo = (n: number) => Math.floor(random() * n);
  const list: [string, Counts][] = [];
  for (let i = 0; i < 400; i++) {
    list.push(["unchanged 4 KiB", { mapFixedNs: 1, entryVisitNs: 3 + upTo(2) }]);
    list.push(["install 2 MiB", { mapFixedNs: 1, entryVisitNs: 5, pteStoreNs: 1, cleanLineNs: 32768 }]);
    const leaves = 1 + upTo(512);
    const frees = 1 + upTo(20);
    list.push([
      "coalesce 2 MiB",
      {
        mapFixedNs: 1,
        entryVisitNs: 512 * frees,
        pagePutNs: leaves,
        tableFreeNs: 1,
        cleanLineNs: 32768,
        pteStoreNs: 2,
      },
    ]);
    list.push(["split 4 KiB", { mapFixedNs: 1, entryVisitNs: 7, tlbiIpaNs: 1 }]);
  }
  return list;
}

function durationOf(counts: Counts, truth: CostProfile): number {
  return (Object.entries(counts) as [FigureName, number][]).reduce(
    (sum, [name, n]) => sum + n * truth.figure(name),
    0,
  );
}

function sampleOf(
  list: readonly [string, Counts][],
  truth: CostProfile,
  disturb: (ns: number, at: number) => number = (ns) => ns,
  walker = "v6.1",
): CostSample {
  const sample = new CostSample("made.ndjson", walker);
  for (const [at, [kind, counts]] of list.entries())
    sample.add(kind, {
      ns: Math.round(disturb(durationOf(counts, truth), at)),
      counts,
      edgeLines: 0,
      apartNs: 0,
    });
  return sample;
}

const fitted = (calibration: Calibration | undefined, name: string) => {
  const figure = calibration?.figures.find((one) => one.name === name);
  if (figure === undefined) throw new Error(`no ${name}`);
  return figure;
};

const list = operations(seededRandom(5));

describe("a fit returns the profile that made the durations", () => {
  const calibration = calibrate([sampleOf(list, emulated)], kunpeng);

  it.each(["mapFixedNs", "entryVisitNs", "cleanLineNs", "tlbiIpaNs"] as const)("%s", (name) => {
    const { ns, origin, range } = fitted(calibration, name);
    expect(origin).toBe("fitted");
    expect(Math.abs(ns / emulated.figure(name) - 1)).toBeLessThan(0.05);
    expect(range![0]).toBeLessThanOrEqual(ns);
    expect(range![1]).toBeGreaterThanOrEqual(ns);
  });

  it("operations held out are predicted", () => {
    expect(calibration!.heldOut.all.operations).toBe(list.length / 5);
    expect(calibration!.heldOut.all.p90).toBeLessThan(0.02);
  });

  it("the same bytes again", () => {
    const again = calibrate([sampleOf(list, emulated)], kunpeng);
    expect(JSON.stringify(again!.profile.document)).toBe(JSON.stringify(calibration!.profile.document));
    expect(again!.warnings).toEqual(calibration!.warnings);
  });

  it("whatever the scale of the machine", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), (factor) => {
        const figures = Object.fromEntries(
          Object.entries(emulated.document.figures).map(([name, one]) => [
            name,
            { value: one.value * factor, source: "made", assumed: false },
          ]),
        );
        const truth = parseProfile({ ...emulated.document, figures }, "made");
        const { ns } = fitted(calibrate([sampleOf(list, truth)], kunpeng), "entryVisitNs");
        expect(Math.abs(ns / truth.figure("entryVisitNs") - 1)).toBeLessThan(0.05);
      }),
      { seed: 3, numRuns: 5 },
    );
  });
});

describe("disturbances", () => {
  const clean = calibrate([sampleOf(list, emulated)], kunpeng);

  it("one operation in five is preempted for up to a second: the fit hardly moves", () => {
    const random = seededRandom(9);
    const calibration = calibrate(
      [sampleOf(list, emulated, (ns) => (random() < 0.2 ? ns + random() * 1e9 : ns))],
      kunpeng,
    );
    for (const name of ["mapFixedNs", "entryVisitNs", "cleanLineNs", "tlbiIpaNs"] as const) {
      const { ns } = fitted(calibration, name);
      expect(Math.abs(ns / fitted(clean, name).ns - 1), name).toBeLessThan(0.05);
    }
  });

  it("and their effect on held-out operations is not hidden", () => {
    const calibration = calibrate(
      [sampleOf(list, emulated, (ns, at) => (at % 2 === 0 ? ns * 3 : ns))],
      kunpeng,
    );
    expect(calibration!.heldOut.all.p90).toBeGreaterThan(0.5);
  });
});

describe("a figure that a trace does not determine", () => {
  /** All coalesces are alike, as in a test that fills every block in the same way. */
  const alike: [string, Counts][] = Array.from({ length: 200 }, (_, at) =>
    at % 2 === 0
      ? ["unchanged 4 KiB", { mapFixedNs: 1 }]
      : ["coalesce 2 MiB", { mapFixedNs: 1, entryVisitNs: 512, pagePutNs: 257, tableFreeNs: 1 }],
  );
  const calibration = calibrate([sampleOf(alike, emulated)], kunpeng);

  it("is named, and shared out as the base profile has it", () => {
    const [visit, put, free] = (["entryVisitNs", "pagePutNs", "tableFreeNs"] as const).map(
      (name) => [fitted(calibration, name), kunpeng.figure(name)] as const,
    );
    for (const [figure, base] of [visit!, put!, free!]) {
      expect(figure.origin).toBe("shared out");
      expect(figure.ns / base).toBeCloseTo(visit![0].ns / visit![1], 2);
    }
    expect(512 * visit![0].ns + 257 * put![0].ns + free![0].ns).toBeCloseTo(
      durationOf(alike[1]![1], emulated) - emulated.figure("mapFixedNs"),
      -2,
    );
    expect(calibration!.profile.document.figures.entryVisitNs.assumed).toBe(true);
    expect(calibration!.warnings[0]).toBe(
      "entryVisitNs, pagePutNs and tableFreeNs cannot be told apart: in these traces they come in one proportion. " +
        "Their cost together is fitted, and shared out as profile kunpeng920 has them",
    );
  });

  it("keeps the base profile's figure, and says whose", () => {
    const { tlbiIpaNs } = calibration!.profile.document.figures;
    expect(tlbiIpaNs.value).toBe(kunpeng.figure("tlbiIpaNs"));
    expect(tlbiIpaNs.assumed).toBe(true);
    expect(tlbiIpaNs.source).toMatch(/^not told by these traces; profile kunpeng920: /);
    expect(calibration!.warnings.at(-1)).toMatch(
      /^not told by these traces, kept from profile kunpeng920: .*tlbiIpaNs/,
    );
  });

  it("may also be a small part of every operation", () => {
    // The clean of a page is a tenth of its map: it says nothing of one of 2 MiB.
    const pages: [string, Counts][] = Array.from({ length: 200 }, (_, at) =>
      at % 2 === 0
        ? ["unchanged 4 KiB", { mapFixedNs: 1 }]
        : ["install 4 KiB", { mapFixedNs: 1, cleanLineNs: 64, pteStoreNs: 1 }],
    );
    const little = calibrate(
      [sampleOf(pages, emulated, (ns, at) => (at % 2 === 0 ? ns : ns * 0.95))],
      emulated,
    );
    expect(fitted(little, "cleanLineNs")).toMatchObject({
      ns: emulated.figure("cleanLineNs"),
      origin: "kept",
    });
  });

  it("too few operations are no fit at all", () => {
    expect(calibrate([sampleOf(alike.slice(0, 10), emulated)], kunpeng)).toBeUndefined();
    expect(calibrate([], kunpeng)).toBeUndefined();
  });
});

describe("several walkers", () => {
  const faster = parseProfile(
    {
      ...emulated.document,
      figures: {
        ...emulated.document.figures,
        entryVisitNs: { value: emulated.figure("entryVisitNs") / 2, source: "made", assumed: false },
      },
    },
    "made",
  );
  const calibration = calibrate(
    [sampleOf(list, emulated, undefined, "v6.1"), sampleOf(list, faster, undefined, "v5.10")],
    kunpeng,
  );

  it("have their own time for a visit", () => {
    const { profile } = calibration!;
    expect(profile.figure("entryVisitNs", "v6.1") / emulated.figure("entryVisitNs")).toBeCloseTo(1, 1);
    expect(profile.figure("entryVisitNs", "v5.10") / faster.figure("entryVisitNs")).toBeCloseTo(1, 1);
  });

  it("one that recorded nothing is scaled as those that did", () => {
    const other = calibrate([sampleOf(list, faster, undefined, "pre-patch")], emulated)!;
    const own =
      other.profile.figure("entryVisitNs", "pre-patch") / emulated.figure("entryVisitNs", "pre-patch");
    const scaled =
      other.profile.figure("entryVisitNs", "post-patch") / emulated.figure("entryVisitNs", "post-patch");
    expect(scaled).toBeCloseTo(own, 3);
    expect(other.profile.document.walkers!["post-patch"]!.entryVisitNs.assumed).toBe(true);
  });
});

describe("the lines of the probes", () => {
  it("at the window's edges belong to no figure", () => {
    const sample = sampleOf(list, emulated);
    const traced = new CostSample("traced.ndjson", "v6.1");
    traced.lineNs = 20_000;
    for (const [kind, counts] of list) {
      const edgeLines = kind === "coalesce 2 MiB" ? 2 : 0;
      traced.add(kind, {
        ns: durationOf(counts, emulated) + edgeLines * traced.lineNs,
        counts,
        edgeLines,
        apartNs: 0,
      });
    }
    const [without, within] = [calibrate([sample], kunpeng), calibrate([traced], kunpeng)];
    for (const { name, ns } of without!.figures)
      expect(fitted(within, name).ns / (ns || 1), name).toBeCloseTo(ns === 0 ? 0 : 1, 2);
  });

  it("a flush that is seen by itself is measured, and not fitted again", () => {
    const sample = new CostSample("traced.ndjson", "v6.1");
    for (let i = 0; i < 100; i++) {
      sample.add("coalesce 2 MiB", {
        ns: 60_000 + 3390,
        counts: { mapFixedNs: 1, entryVisitNs: 500 + i },
        edgeLines: 0,
        apartNs: 3390,
      });
      sample.add("unchanged 4 KiB", { ns: 2000, counts: { mapFixedNs: 1 }, edgeLines: 0, apartNs: 0 });
      sample.addDirect("tlbiVmidNs", 3390);
    }
    expect(fitted(calibrate([sample], kunpeng), "tlbiVmidNs")).toMatchObject({
      ns: 3390,
      origin: "measured",
      durations: 100,
    });
  });
});
