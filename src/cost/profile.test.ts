import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { countAssumed, type FigureName, loadProfile, parseProfile } from "./profile.js";

const kunpeng = loadProfile("kunpeng920");

/** Nanoseconds for a number of units of each named figure. */
function sum(units: Partial<Record<FigureName, number>>): number {
  const names = Object.keys(units) as FigureName[];
  return names.reduce((total, name) => total + kunpeng.figure(name) * units[name]!, 0);
}

// A map of one page where tables already lead down to level 3, 40-bit IPA (levels 1 to 3).
const onePage = { mapFixedNs: 1, entryVisitNs: 3, pteStoreNs: 1 };
const around = { exitEntryNs: 1, handlerNs: 1, tailNs: 1 };

// One coalesce of 1 GiB after a stage of UPDATE: 257 level-3 tables full of entries, 131 073 of them valid.
const visits = 257 * 512 + 512 + 257 + 2;
const teardown = { entryVisitNs: visits, pagePutNs: 131_073 + 258, tableFreeNs: 258 };

describe("kunpeng920 reproduces the published figures", () => {
  it("a 4 KiB translation fault alone: 3.1 us", () => {
    expect(sum({ ...around, ...onePage, cleanLineNs: 64 })).toBeCloseTo(3100, 0);
  });

  it("a 4 KiB permission fault alone: 4.55 us", () => {
    expect(sum({ ...around, ...onePage, tlbiIpaNs: 1 })).toBeCloseTo(4550, 0);
  });

  it("permission faults that the lock serialises: 3.2 to 3.8 us each", () => {
    const each = sum({ ...onePage, tlbiIpaNs: 1, lockHandoffNs: 1 });
    expect(each).toBeGreaterThanOrEqual(3200);
    expect(each).toBeLessThanOrEqual(3800);
  });

  it.each([
    ["4 KiB, 0.5 us", 4096, 500],
    ["2 MiB, 254 us", 2 ** 21, 254_000],
    ["1 GiB, 130 ms", 2 ** 30, 130_000_000],
  ])("a clean of %s", (_name, bytes, ns) => {
    const modelled = sum({ cleanLineNs: bytes / 64 });
    expect(Math.abs(modelled / ns - 1)).toBeLessThan(0.01);
  });

  it("tearing down a 1 GiB subtree stays well under 12 ms", () => {
    expect(sum(teardown)).toBeLessThan(6_000_000);
  });

  it("reads and teardown of a 1 GiB block at 1 vCPU: 12.2 ms together", () => {
    const together = sum(teardown) + 262_144 * kunpeng.guestReadNs(1);
    expect(Math.abs(together / 12.2e6 - 1)).toBeLessThan(0.01);
  });

  it("a retry lap is cheaper than a fault that maps", () => {
    expect(sum({ retryLapNs: 1 })).toBeLessThan(3100);
    expect(sum({ retryLapNs: 1 })).toBeGreaterThan(sum({ exitEntryNs: 1 }));
  });
});

describe("guest reads", () => {
  it("are linear between the points, and extrapolated beyond the last", () => {
    expect(kunpeng.guestReadNs(30)).toBeCloseTo((57.3 + 71.26) / 2);
    expect(kunpeng.guestReadNs(0)).toBe(40.27);
    expect(kunpeng.guestReadNs(80)).toBeCloseTo(101.05 + (101.05 - 71.26));
  });

  it("never get cheaper the more vCPUs read", () => {
    for (let vcpus = 1; vcpus < 512; vcpus++)
      expect(kunpeng.guestReadNs(vcpus + 1)).toBeGreaterThan(kunpeng.guestReadNs(vcpus));
    const { guestReadNs, ...rest } = kunpeng.document;
    const points = [
      { vcpus: 1, ns: 40 },
      { vcpus: 2, ns: 39 },
    ];
    expect(() => parseProfile({ ...rest, guestReadNs: { ...guestReadNs, points } }, "p")).toThrow(UsageError);
  });

  it("of a profile with one point take that, however many read", () => {
    const { guestReadNs, ...rest } = kunpeng.document;
    const one = parseProfile(
      { ...rest, guestReadNs: { ...guestReadNs, points: [{ vcpus: 4, ns: 9 }] } },
      "p",
    );
    expect([1, 4, 64].map((vcpus) => one.guestReadNs(vcpus))).toEqual([9, 9, 9]);
  });
});

it("counts assumptions, guest reads included", () => {
  expect(countAssumed(kunpeng)).toEqual({ assumed: 15, total: 18 });
});

it("gives every assumed figure a bound or says that nothing is published", () => {
  for (const [name, given] of Object.entries(kunpeng.document.figures)) {
    if (given.assumed) expect(given.bound ?? given.source, name).toMatch(/at most|take|not published/);
  }
});

it.each(["kunpeng920", "emulated"])("%s: each range holds its figure", (name) => {
  for (const [key, { value, range }] of Object.entries(loadProfile(name).document.figures)) {
    if (range === undefined) continue;
    expect(range[0], key).toBeLessThanOrEqual(value);
    expect(range[1], key).toBeGreaterThanOrEqual(value);
  }
});

describe("files", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "s2replay-profile-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  it("loads a profile from a file", () => {
    const file = write("mine.json", JSON.stringify({ ...kunpeng.document, name: "mine" }));
    expect(loadProfile(file).name).toBe("mine");
  });

  it("names the file, the key and the nearest key", () => {
    const { cleanLineNs, ...rest } = kunpeng.document.figures;
    const changed = { ...kunpeng.document, figures: { ...rest, clearLineNs: cleanLineNs } };
    const file = write("bad.json", JSON.stringify(changed));
    expect(() => loadProfile(file)).toThrow(UsageError);
    expect(() => loadProfile(file)).toThrow(
      `${file}: figures.clearLineNs: unknown key (did you mean "cleanLineNs"?)`,
    );
    expect(() => loadProfile(file)).toThrow(`${file}: figures.cleanLineNs: `);
  });

  it("says where the JSON is broken", () => {
    const file = write("broken.json", '{"schema": ');
    expect(() => loadProfile(file)).toThrow(`${file}: not JSON: `);
  });

  it("says that a file is not there", () => {
    expect(() => loadProfile(join(folder, "none.json"))).toThrow("none.json: no such file");
    expect(() => loadProfile(folder)).toThrow("is a directory");
  });

  it("suggests the nearest built-in profile", () => {
    expect(() => loadProfile("kunpeng902")).toThrow(
      'unknown profile "kunpeng902" (did you mean "kunpeng920"?): expected kunpeng920, emulated, or a JSON file',
    );
    expect(() => loadProfile("__proto__")).toThrow('unknown profile "__proto__": expected');
  });
});

describe("refuses", () => {
  const { figures, guestReadNs, ...top } = kunpeng.document;
  const withExit = (exit: unknown) => ({ ...top, guestReadNs, figures: { ...figures, exitEntryNs: exit } });
  const given = figures.exitEntryNs;

  it.each([
    ["a negative value", withExit({ ...given, value: -1 }), "p: figures.exitEntryNs.value: "],
    ["a value that is text", withExit({ ...given, value: "407" }), "p: figures.exitEntryNs.value: "],
    ["a figure without its source", withExit({ value: 1, assumed: true }), "p: figures.exitEntryNs.source: "],
    [
      "an unknown key of a figure",
      withExit({ ...given, unit: "ns" }),
      "p: figures.exitEntryNs.unit: unknown",
    ],
    ["an unknown key", { ...kunpeng.document, machine: "x" }, "p: machine: unknown key"],
    ["another version", { ...kunpeng.document, schema: "s2replay-profile/2" }, "p: schema: "],
    ["no document", null, "p: document: "],
    [
      "points out of order",
      {
        ...kunpeng.document,
        guestReadNs: {
          ...guestReadNs,
          points: [
            { vcpus: 2, ns: 1 },
            { vcpus: 2, ns: 2 },
          ],
        },
      },
      "p: guestReadNs.points: expected the points in ascending order",
    ],
  ])("%s", (_name, document, problem) => {
    expect(() => parseProfile(document, "p")).toThrow(problem);
  });
});
