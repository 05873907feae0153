import { describe, expect, test } from "vitest";
import { Granule } from "./granule.js";
import { Charge, type Meter } from "./meter.js";
import { Ops } from "./ops.js";
import { PageTable } from "./page-table.js";
import type { Answer, Visit, Visitor } from "./visit.js";
import { Walk, type WalkRules } from "./walk.js";

const GIB = 2 ** 30;
const MIB2 = 2 ** 21;
const PAGE = 4096;
const now: WalkRules = { rereadsAfterTablePre: false, stepsToEntryEnd: true };

interface Bench {
  pages: PageTable;
  ops: Ops;
  charged: number[];
}

function bench(iaBits = 40): Bench {
  const charged: number[] = [];
  const meter: Meter = {
    charge: (kind, n) => {
      if (kind === Charge.entryVisit) charged.push(n);
    },
    stored() {},
  };
  const pages = new PageTable(new Granule(PAGE, iaBits), false);
  return { pages, ops: new Ops(pages, meter), charged };
}

/** A walk in one line: `<2` before a table, `2` at an entry without, `2>` behind, `2*512` for as many in a row. */
function walk(
  { pages, ops }: Bench,
  ipa: number,
  end: number,
  rules = now,
  act: (when: string, visit: Visit) => Answer | undefined = () => undefined,
  asked = ["tablePre", "leaf", "tablePost"],
): string {
  const words: [string, number][] = [];
  const note = (word: string, visit: Visit): Answer => {
    const last = words.at(-1);
    if (last !== undefined && last[0] === word && !/[<>]/.test(word)) last[1]++;
    else words.push([word, 1]);
    return act(word, visit) ?? "continue";
  };
  const visitor: Visitor = {};
  if (asked.includes("tablePre")) visitor.tablePre = (visit) => note(`<${visit.level}`, visit);
  if (asked.includes("leaf")) visitor.leaf = (visit) => note(`${visit.level}`, visit);
  if (asked.includes("tablePost")) visitor.tablePost = (visit) => note(`${visit.level}>`, visit);
  const answer = new Walk(pages, ops, rules).run(ipa, end, visitor);
  const text = words.map(([word, n]) => (n === 1 ? word : `${word}*${n}`)).join(" ");
  return answer === "continue" ? text : `${text} = ${answer}`;
}

/** 1 GiB: a page at its start, a block 2 MiB on. */
function populated(iaBits = 40): Bench {
  const made = bench(iaBits);
  made.pages.plantLeaf(GIB, 3, 0, 7);
  made.pages.plantLeaf(GIB + MIB2, 2, 0, 7);
  return made;
}

describe("order", () => {
  test("an empty table", () => expect(walk(bench(), GIB, GIB + PAGE)).toBe("1"));
  test("one page", () => expect(walk(populated(), GIB, GIB + PAGE)).toBe("<1 <2 3 2> 1>"));
  test("one page of four levels", () =>
    expect(walk(populated(48), GIB, GIB + PAGE)).toBe("<0 <1 <2 3 2> 1> 0>"));
  test("a table, then entries without", () =>
    expect(walk(populated(), GIB, 2 * GIB)).toBe("<1 <2 3*512 2> 2*511 1>"));
  test("nothing", () => expect(walk(populated(), GIB, GIB)).toBe(""));
  test("a part of a table", () =>
    expect(walk(populated(), GIB + PAGE, GIB + MIB2 + PAGE)).toBe("<1 <2 3*511 2> 2 1>"));
  test("concatenated root tables", () =>
    expect(walk(populated(), 0, 2 ** 40)).toBe("1 <1 <2 3*512 2> 2*511 1> 1*1022"));
  test("only what is asked for", () => {
    const asked = (names: string[]) => walk(populated(), GIB, 2 * GIB, now, undefined, names);
    expect(asked(["leaf"])).toBe("3*512 2*511");
    expect(asked(["tablePre"])).toBe("<1 <2");
    expect(asked(["tablePost"])).toBe("2> 1>");
    expect(asked([])).toBe("");
  });
  test("a detached table counts from 0", () => {
    const { pages, ops } = populated();
    const ipas: number[] = [];
    new Walk(pages, ops, now).runDetached(3, 2, 0, {
      tablePost: (visit) => {
        ipas.push(visit.ipa, visit.end);
        return "continue";
      },
    });
    expect(ipas).toEqual([0, GIB]);
  });
});

describe("stops", () => {
  const at = (word: string, answer: Answer) => (when: string) => (when === word ? answer : undefined);
  test("before a table", () =>
    expect(walk(populated(), GIB, 2 * GIB, now, at("<2", "retry"))).toBe("<1 <2 = retry"));
  test("at an entry", () =>
    expect(walk(populated(), GIB, 2 * GIB, now, at("3", "no-memory"))).toBe("<1 <2 3 = no-memory"));
  test("after a table", () =>
    expect(walk(populated(), GIB, 2 * GIB, now, at("2>", "invalid"))).toBe("<1 <2 3*512 2> = invalid"));
});

describe("reads an entry once", () => {
  const putBlock = (made: Bench) => (when: string, visit: Visit) => {
    if (when === "<2") made.ops.store("release", visit, made.pages.format.leafLo(0, 2, 7), 0);
    return undefined;
  };
  test("so a block put in place of a table does not keep the walk out of the table", () => {
    const made = populated();
    expect(walk(made, GIB, GIB + MIB2, now, putBlock(made))).toBe("<1 <2 3*512 2> 1>");
  });
  test("unless it is read again after TABLE_PRE (v6.4)", () => {
    const made = populated();
    const rules = { ...now, rereadsAfterTablePre: true };
    expect(walk(made, GIB, GIB + MIB2, rules, putBlock(made))).toBe("<1 <2 1>");
  });
  test("and again after LEAF: a table made there is walked, without its TABLE_PRE", () => {
    const made = bench();
    const putTable = (when: string, visit: Visit) => {
      if (when === "1" || when === "2") made.ops.storeTable(visit, made.ops.allocateTable());
      return undefined;
    };
    expect(walk(made, GIB, GIB + PAGE, now, putTable)).toBe("1 2 3 2> 1>");
  });
});

describe("a range that starts inside a block", () => {
  const made = () => {
    const both = bench();
    both.pages.plantLeaf(GIB, 2, 0, 7);
    both.pages.plantLeaf(GIB + MIB2, 3, 0, 7);
    return both;
  };
  const visited = (rules: WalkRules) => {
    const ipas: string[] = [];
    walk(made(), GIB + MIB2 - PAGE, GIB + 2 * MIB2, rules, (when, visit) => {
      if (when === "3" && ipas.length < 1) ipas.push(visit.ipa.toString(16));
      return undefined;
    });
    return ipas[0];
  };
  test("goes on at the block's end", () => expect(visited(now)).toBe("40200000"));
  test("went on one block further before v5.14", () =>
    expect(visited({ ...now, stepsToEntryEnd: false })).toBe("403ff000"));
});

test("every visit is charged, before the work that follows it and by the end of the walk", () => {
  const made = populated();
  walk(made, GIB, 2 * GIB);
  expect(made.charged).toEqual([2 + 512 + 1 + 511 + 1]);
  const acting = populated();
  walk(acting, GIB, 2 * GIB, now, (when) => {
    if (when === "2>") acting.ops.tlbiVmid();
    return undefined;
  });
  expect(acting.charged).toEqual([2 + 512 + 1, 511 + 1]);
});
