import { describe, expect, it } from "vitest";
import { UsageError } from "../errors.js";
import { workloads } from "./index.js";
import { parseSize, sizeText } from "./size.js";
import type { Workload } from "./workload.js";

interface Line {
  readonly event?: string;
  readonly ts_ns: number;
  readonly text?: string;
  readonly phase?: string;
  readonly vcpu: number;
  readonly ipa: string;
  readonly stride: string;
  readonly count: number;
  readonly write: boolean;
  readonly flags: string;
  readonly [key: string]: unknown;
}

const named = (name: string) => workloads.find((workload) => workload.name === name) as Workload;

/** The values of a workload's options: its defaults, but for those given. */
function linesOf(name: string, given: Readonly<Record<string, string | number | boolean>> = {}): Line[] {
  const { options, lines } = named(name);
  const values = Object.entries(options).map(([option, { kind, default: text }]) => {
    const value =
      text === undefined || kind === "text"
        ? text
        : kind === "size"
          ? parseSize(option, text)
          : kind === "seconds"
            ? Number(text) * 1e9
            : Number(text);
    return [option, given[option] ?? (kind === "flag" ? false : value)];
  });
  return [...lines(Object.fromEntries(values))].map((line) => {
    expect(line.endsWith("\n")).toBe(true);
    return JSON.parse(line);
  });
}

/** The runs of one stage. */
function stage(lines: readonly Line[], label: string): Line[] {
  const at = (phase: string) => lines.findIndex(({ text, phase: its }) => text === label && its === phase);
  return lines.slice(at("begin") + 1, at("end"));
}

const accesses = (runs: readonly Line[]) => runs.reduce((sum, { count }) => sum + count, 0);
const GIB = 2 ** 30;

describe("kvm_page_table_test", () => {
  const lines = linesOf("kvm_page_table_test", { size: "3G", vcpus: 5 });

  it("CREATE: each vCPU one access to each large page; even ones write, odd ones read", () => {
    const runs = stage(lines, "CREATE");
    expect(runs.map(({ vcpu, write }) => [vcpu, write])).toEqual([
      [0, true],
      [1, false],
      [2, true],
      [3, false],
      [4, true],
    ]);
    for (const run of runs) expect([run.count, Number(run.stride)]).toEqual([3, GIB]);
  });

  it("UPDATE: each vCPU writes each block's first page, then reads its second half", () => {
    const runs = stage(lines, "UPDATE");
    expect(accesses(runs)).toBe(5 * 3 * (1 + 131_072));
    for (let vcpu = 0; vcpu < 5; vcpu++) {
      const own = runs.filter((run) => run.vcpu === vcpu);
      expect(own.map(({ write }) => write)).toEqual([true, false, true, false, true, false]);
      const base = Number(own[0]?.ipa);
      expect(base % GIB).toBe(0);
      expect(own.map(({ ipa }) => (Number(ipa) - base) / (GIB / 2))).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it("ADJUST: each vCPU reads every page: 262,144 a GiB", () => {
    const runs = stage(lines, "ADJUST");
    expect(runs.map(({ count, write, stride }) => [count, write, stride])).toEqual(
      runs.map(() => [3 * 262_144, false, "0x1000"]),
    );
    expect(runs).toHaveLength(5);
  });

  it("logging is switched on before UPDATE, with a write-protect, and off before ADJUST", () => {
    const marks = lines
      .filter(({ event }) => event === "memslot" || event === "s2_wrprotect" || event === "marker")
      .map(({ event, flags, text, phase }) =>
        event === "marker" ? `${text} ${phase}` : `${event} ${flags ?? ""}`.trim(),
      );
    expect(marks).toEqual([
      "memslot 0x0",
      "CREATE begin",
      "CREATE end",
      "memslot 0x1",
      "s2_wrprotect",
      "UPDATE begin",
      "UPDATE end",
      "memslot 0x0",
      "ADJUST begin",
      "ADJUST end",
    ]);
  });

  it("without large pages UPDATE writes every page", () => {
    const anon = linesOf("kvm_page_table_test", { type: "anon", size: "8M", vcpus: 2 });
    expect(stage(anon, "UPDATE").map(({ count, write }) => [count, write])).toEqual([
      [2048, true],
      [2048, true],
    ]);
  });

  it.each([
    ["hugetlb", "2"],
    ["thp", "1"],
    ["anon", "0"],
  ])("type %s is type %s", (name, number) => {
    const given = { size: "4M", granularity: name === "anon" ? "4K" : "2M" };
    expect(linesOf("kvm_page_table_test", { ...given, type: number })).toEqual(
      linesOf("kvm_page_table_test", { ...given, type: name }),
    );
  });

  it("takes up whole large pages, as high as the guest's addresses go", () => {
    const [header, slot] = linesOf("kvm_page_table_test", { size: "1025M", mode: 2 });
    expect(header?.ia_bits).toBe(48);
    expect([slot?.gpa, slot?.size]).toEqual(["0xffff40000000", "0x80000000"]);
  });

  it.each<[Record<string, string | number>, RegExp]>([
    [{ b: "20G" }, /^-b: .*as merged.*-s is the size/],
    [{ size: "anonymous_hugetlb_1gb" }, /^-s anonymous_hugetlb_1gb: a type of memory.*-t hugetlb -g 1G/],
    [{ size: "20X" }, /^--size: expected a size such as 20G/],
    [{ type: "shmem" }, /^--type: expected hugetlb, thp or anon/],
    [{ type: "thp", granularity: "1G" }, /^--granularity: thp memory has pages of 2M, got 1G/],
    [{ mode: 9 }, /^--mode: expected 0 to 5/],
    [{ mode: 4, "ipa-bits": 48 }, /mode 4 has 40/],
    [{ size: "1T" }, /do not fit in 40 bits/],
    [{ vcpus: 0 }, /^--vcpus: expected/],
  ])("%j is refused", (given, message) => {
    expect(() => linesOf("kvm_page_table_test", given)).toThrow(UsageError);
    expect(() => linesOf("kvm_page_table_test", given)).toThrow(message);
  });
});

describe("dirty-log", () => {
  it("switches logging off half-way, and goes on in the same working set", () => {
    const lines = linesOf("dirty-log", { "working-set": 2 ** 26, vcpus: 3 });
    for (const label of ["LOGGING", "ABORTED"]) {
      const runs = stage(lines, label);
      expect(new Set(runs.map(({ vcpu }) => vcpu)).size).toBe(3);
      for (const { ipa, count } of runs)
        expect(Number(ipa) + count * 4096).toBeLessThanOrEqual(GIB + 2 ** 26);
    }
    expect(stage(lines, "LOGGING").every(({ write }) => write)).toBe(true);
    const writes = stage(lines, "ABORTED").filter(({ write }) => write).length;
    expect(writes / stage(lines, "ABORTED").length).toBeCloseTo(0.5, 1);
  });

  it("has its vCPUs at different places", () => {
    const runs = stage(linesOf("dirty-log"), "LOGGING");
    expect(new Set(runs.map(({ ipa }) => ipa)).size).toBeGreaterThan(runs.length * 0.9);
  });
});

describe("boot-storm", () => {
  it("writes each page of each VM once", () => {
    const writes = stage(linesOf("boot-storm", { vms: 2, size: 2 ** 24 }), "BOOT").filter(
      ({ write }) => write,
    );
    for (const vm of ["guest-0", "guest-1"])
      expect(accesses(writes.filter((run) => run.vm === vm))).toBe(4096);
  });
});

describe.each(workloads.map(({ name }) => name))("%s", (name) => {
  it("gives the same lines again, in time order", () => {
    const lines = linesOf(name);
    expect(linesOf(name)).toEqual(lines);
    const times = lines.slice(1).map(({ ts_ns }) => ts_ns);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  it.runIf(name !== "kvm_page_table_test")("gives others for another seed", () => {
    expect(linesOf(name, { seed: 2 })).not.toEqual(linesOf(name));
  });
});

describe("sizes", () => {
  it.each([
    ["20G", 20 * GIB],
    ["512M", 2 ** 29],
    ["2m", 2 ** 21],
    ["4096", 4096],
  ])("%s", (text, bytes) => expect(parseSize("-s", text)).toBe(bytes));

  it.each(["", "G", "1.5G", "-1G", "0", "20GB"])("%j is none", (text) => {
    expect(() => parseSize("-s", text)).toThrow(UsageError);
  });

  it("are printed as they are typed", () => {
    expect([2 ** 40, 20 * GIB, 2 ** 21, 4096, 1].map(sizeText)).toEqual(["1T", "20G", "2M", "4K", "1"]);
  });
});
