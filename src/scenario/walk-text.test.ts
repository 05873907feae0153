import { describe, expect, it } from "vitest";
import { strategyByName } from "../strategy/index.js";
import { parseScripts } from "./script.js";
import { basicScript, diffText, walkText } from "./walk-text.js";

function walk(strategy: string, text = basicScript, maxEvents = 1000): string {
  const [script] = parseScripts(text, "test");
  return [...walkText(strategyByName(strategy)!, script!, { maxEvents })].join("");
}

function diff(base: string, candidate: string, text = basicScript, maxEvents = 1000): string {
  const [script] = parseScripts(text, "test");
  const [a, b] = [strategyByName(base)!, strategyByName(candidate)!];
  return [...diffText(a, b, script!, { maxEvents })].join("");
}

describe("the basic coalesce", () => {
  it("of pre-patch: everything happens while the window is open", () => {
    expect(
      walk("pre-patch"),
    ).toBe(`pre-patch: v5.11-rc6 + concurrent translation fault series v3 + RFC 1/4: the RFC's before
scenario basic-2m-coalesce: 4 KiB pages, 40-bit IPA, no FWB, no TLBI by range

map 0x40000000 0x3000 0x1040000000 rwx = 0
  LEAF L1 0x40000000 in p1
    new table p3
    PTE 0 -> 0x7e0000003003 (table p3, release)
    get p1 -> 2
    LEAF L2 0x40000000 in p3
      new table p4
      PTE 0 -> 0x7e0000004003 (table p4, release)
      get p3 -> 2
      LEAF L3 0x40000000 in p4
        clean D-cache 0x1040000000, 4 KiB
        PTE 0 -> 0x10400007ff (page 0x1040000000 rwx, release)
        get p4 -> 2
      LEAF L3 0x40001000 in p4
        clean D-cache 0x1040001000, 4 KiB
        PTE 0 -> 0x10400017ff (page 0x1040001000 rwx, release)
        get p4 -> 3
      LEAF L3 0x40002000 in p4
        clean D-cache 0x1040002000, 4 KiB
        PTE 0 -> 0x10400027ff (page 0x1040002000 rwx, release)
        get p4 -> 4
    TABLE_POST L2 0x40000000 in p3
  TABLE_POST L1 0x40000000 in p1
  DSB ishst
  -- visits 7, stores 5, gets 5, new tables 2, D-cache clean 12 KiB

map 0x40000000 0x200000 0x1040000000 rwx = 0
  TABLE_PRE L1 0x40000000 in p1
    TABLE_PRE L2 0x40000000 in p3
      PTE 0x7e0000004003 -> 0x7e0000004002 (table p4, valid bit off)
      [ window opens
      TLBI whole VMID
      LEAF L3 0x40000000 in p4
        put p4 -> 3
      LEAF L3 0x40001000 in p4
        put p4 -> 2
      LEAF L3 0x40002000 in p4
        put p4 -> 1
      LEAF L3 0x40003000 in p4, 509 entries
    TABLE_POST L2 0x40000000 in p3
      free_page p4 -> 0, freed
      put p3 -> 1
      clean D-cache 0x1040000000, 2 MiB
      PTE 0x7e0000004002 -> 0x10400007fd (2 MiB block 0x1040000000 rwx, release)
      ] window closes after 521 steps
      get p3 -> 2
  TABLE_POST L1 0x40000000 in p1
  DSB ishst
  -- visits 516, stores 2, TLBIs by VMID 1, gets 1, puts 5, freed tables 1, D-cache clean 2 MiB,
     window 521 steps
`);
  });

  it("of post-patch: the window is one flush", () => {
    expect(walk("post-patch")).toBe(`post-patch: pre-patch + RFC 2/4 and 3/4, as posted: the RFC's after
scenario basic-2m-coalesce: 4 KiB pages, 40-bit IPA, no FWB, no TLBI by range

map 0x40000000 0x3000 0x1040000000 rwx = 0
  LEAF L1 0x40000000 in p1
    new table p3
    PTE 0 -> 0x7e0000003003 (table p3, release)
    get p1 -> 2
    LEAF L2 0x40000000 in p3
      new table p4
      PTE 0 -> 0x7e0000004003 (table p4, release)
      get p3 -> 2
      LEAF L3 0x40000000 in p4
        clean D-cache 0x1040000000, 4 KiB
        PTE 0 -> 0x10400007ff (page 0x1040000000 rwx, release)
        get p4 -> 2
      LEAF L3 0x40001000 in p4
        clean D-cache 0x1040001000, 4 KiB
        PTE 0 -> 0x10400017ff (page 0x1040001000 rwx, release)
        get p4 -> 3
      LEAF L3 0x40002000 in p4
        clean D-cache 0x1040002000, 4 KiB
        PTE 0 -> 0x10400027ff (page 0x1040002000 rwx, release)
        get p4 -> 4
    TABLE_POST L2 0x40000000 in p3
  TABLE_POST L1 0x40000000 in p1
  DSB ishst
  -- visits 7, stores 5, gets 5, new tables 2, D-cache clean 12 KiB

map 0x40000000 0x200000 0x1040000000 rwx = 0
  TABLE_PRE L1 0x40000000 in p1
    TABLE_PRE L2 0x40000000 in p3
      PTE 0x7e0000004003 -> 0x7e0000004002 (table p4, valid bit off)
      [ window opens
      TLBI whole VMID
      PTE 0x7e0000004002 -> 0x10400007fd (2 MiB block 0x1040000000 rwx, release)
      ] window closes after 1 step
      LEAF L3 0x40000000 in p4
        put p4 -> 3
      LEAF L3 0x40001000 in p4
        put p4 -> 2
      LEAF L3 0x40002000 in p4
        put p4 -> 1
      LEAF L3 0x40003000 in p4, 509 entries
    TABLE_POST L2 0x40000000 in p3
      free_page p4 -> 0, freed
  TABLE_POST L1 0x40000000 in p1
  DSB ishst
  -- visits 516, stores 2, TLBIs by VMID 1, puts 4, freed tables 1, window 1 step
`);
  });

  it("of both, side by side, fits a screen", () => {
    const text = diff("pre-patch", "post-patch");
    expect(
      text,
    ).toBe(`pre-patch   v5.11-rc6 + concurrent translation fault series v3 + RFC 1/4: the RFC's before
post-patch  pre-patch + RFC 2/4 and 3/4, as posted: the RFC's after
scenario basic-2m-coalesce: 4 KiB pages, 40-bit IPA, no FWB, no TLBI by range

map 0x40000000 0x3000 0x1040000000 rwx = 0
  -- the same in both: visits 7, stores 5, gets 5, new tables 2, D-cache clean 12 KiB

map 0x40000000 0x200000 0x1040000000 rwx = 0
pre-patch                                                   post-patch
  TABLE_PRE L1 0x40000000 in p1                               TABLE_PRE L1 0x40000000 in p1
    TABLE_PRE L2 0x40000000 in p3                               TABLE_PRE L2 0x40000000 in p3
      PTE 0x..4003 -> 0x..4002 (table p4, valid bit off)          PTE 0x..4003 -> 0x..4002 (table p4, valid bit off)
      [ window opens                                              [ window opens
      TLBI whole VMID                                             TLBI whole VMID
                                                          >       PTE 0x..4002 -> 0x..07fd (2 MiB block rwx, release)
                                                          >       ] window closes after 1 step
      LEAF L3 0x40000000 in p4                                    LEAF L3 0x40000000 in p4
        put p4 -> 3                                                 put p4 -> 3
      LEAF L3 0x40001000 in p4                                    LEAF L3 0x40001000 in p4
        put p4 -> 2                                                 put p4 -> 2
      LEAF L3 0x40002000 in p4                                    LEAF L3 0x40002000 in p4
        put p4 -> 1                                                 put p4 -> 1
      LEAF L3 0x40003000 in p4, 509 entries                       LEAF L3 0x40003000 in p4, 509 entries
    TABLE_POST L2 0x40000000 in p3                              TABLE_POST L2 0x40000000 in p3
      free_page p4 -> 0, freed                                    free_page p4 -> 0, freed
      put p3 -> 1                                         <
      clean D-cache 0x1040000000, 2 MiB                   <
      PTE 0x..4002 -> 0x..07fd (2 MiB block rwx, release) <
      ] window closes after 521 steps                     <
      get p3 -> 2                                         <
  TABLE_POST L1 0x40000000 in p1                              TABLE_POST L1 0x40000000 in p1
  DSB ishst                                                   DSB ishst
  -- gets 1 -> 0; puts 5 -> 4; D-cache clean 2 MiB -> 0; window 521 steps -> 1 step
`);
    const lines = text.split("\n");
    expect(lines.length).toBeLessThan(40);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });
});

describe("a walk as text", () => {
  it("says what operations return and find in words", () => {
    const text = walk(
      "v6.1",
      [
        "S words",
        "map 0x40000000 0x200000 0x1040000000 rw",
        "map 0x40000000 0x200000 0x1040000000 rwx",
        "map 0x40000000 0x1000 0x1040000000 rwx 0",
        "map 0x10000000000 0x1000 0x0 r",
        "map 0x0 0x1000 0x0 xd",
        "fill 0x40000000 3 0x1000 0x1040000000 rw",
        "old 0x40000000",
        "isyoung 0x40000000",
        "young 0x80000000",
        "lookup 0x40000010",
        "lookup 0x80000000",
        "dump",
      ].join("\n"),
    );
    expect(
      text
        .split("\n")
        .filter((line) => /^(\w|\s+L\d 0x\w+(:| ->))/.test(line))
        .slice(2),
    ).toEqual([
      "map 0x40000000 0x200000 0x1040000000 rw = 0",
      "map 0x40000000 0x200000 0x1040000000 rwx = -EAGAIN",
      "map 0x40000000 0x1000 0x1040000000 rwx 0 = -ENOMEM",
      "map 0x10000000000 0x1000 0x0 r = -ERANGE",
      "map 0x0 0x1000 0x0 xd = -EINVAL",
      "fill 0x40000000 3 0x1000 0x1040000000 rw = all mapped",
      "old 0x40000000 = the entry was 0x400010400007ff",
      "isyoung 0x40000000 = not young",
      "young 0x80000000 = no leaf there",
      "lookup 0x40000010",
      "  L3 0x400010400003ff: 0x1040000010 rw",
      "lookup 0x80000000",
      "  L1 0x0: not mapped",
      "dump",
      "  L3 0x40000000 -> 0x1040000000 rw",
      "  L3 0x40001000 -> 0x1040001000 rwa x 2",
    ]);
  });

  it("tells what a store changes", () => {
    const text = walk(
      "v6.12",
      [
        "S stores",
        "map 0x40000000 0x200000 0x1040000000 rw",
        "wp 0x40000000 0x200000",
        "old 0x40000000",
        "relax 0x40000000 wx",
        "map 0x40000000 0x1000 0x1040000000 r",
        "unmap 0x40000000 0x200000",
      ].join("\n"),
    );
    expect(text.match(/PTE .*/g)).toEqual([
      "PTE 0 -> locked (cmpxchg)",
      "PTE locked -> 0x7e0000003003 (table p3, release)",
      "PTE 0 -> locked (cmpxchg)",
      "PTE locked -> 0x400010400007fd (2 MiB block 0x1040000000 rw, release)",
      "PTE 0x400010400007fd -> 0x4000104000077d (2 MiB block rw -> r)",
      "PTE 0x4000104000077d -> 0x4000104000037d (2 MiB block AF off)",
      "PTE 0x4000104000037d -> 0x10400003fd (2 MiB block r -> rwx, cmpxchg)",
      "PTE 0x10400003fd -> locked (2 MiB block 0x1040000000 rwx, cmpxchg)",
      "PTE locked -> 0x7e0000004003 (table p4, release)",
      "PTE 0 -> locked (cmpxchg)",
      "PTE locked -> 0x4000104000077f (page 0x1040000000 r, release)",
      "PTE 0x4000104000077f -> 0 (page 0x1040000000 r)",
      "PTE 0x7e0000004003 -> 0 (table p4)",
      "PTE 0x7e0000003003 -> 0 (table p3)",
    ]);
    // Unmapped entries stay broken: no window.
    expect(text).not.toContain("window");
  });

  it("shows figures alone where there are too many events", () => {
    expect(walk("v6.1", "S many\nfill 0x40000000 512 0x1000 0x1040000000 rw", 1000)).toContain(
      "\nfill 0x40000000 512 0x1000 0x1040000000 rw = all mapped\n  4,614 events, not shown (--max-events)\n" +
        "  -- visits 2,560, ",
    );
  });
});

describe("two walks side by side", () => {
  const full = "S full\nfill 0x40000000 512 0x1000 0x1040000000 rw\nmap 0x40000000 0x200000 0x1040000000 rw";

  it("folds long runs", () => {
    const text = diff("pre-patch", "post-patch", full, 10_000);
    expect(text).toMatch(/^ {2}\.\.\. 1,0\d\d more +\.\.\. 1,0\d\d more$/m);
    expect(text.split("\n").length).toBeLessThan(45);
  });

  it("says where answers and what is left differ", () => {
    const text = diff("v5.12-rc1", "v6.12", "S relax\nrelax 0x40000000 w");
    expect(text).toContain("relax 0x40000000 w = 0 under v5.12-rc1, -EAGAIN under v6.12\n");
    const skipped = [
      "S skip",
      "map 0x40000000 0x200000 0x1040000000 rwx",
      "fill 0x40200000 3 0x1000 0x1040200000 rwx",
      "unmap 0x401ff000 0x201000",
    ].join("\n");
    expect(diff("v5.12-rc1", "v6.12", skipped)).toContain(
      "  -- afterwards other memory is mapped, or otherwise\n",
    );
  });

  it("treats walks as equal that differ only in the bits of a locked entry", () => {
    expect(diff("v6.12", "v7.2")).toContain("  -- the same in both but for bits of entries: visits 514, ");
  });
});
