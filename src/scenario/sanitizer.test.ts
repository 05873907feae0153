import { describe, expect, test } from "vitest";
import { strategies, strategyByName } from "../strategy/index.js";
import { mutants } from "./mutants.test.data.js";
import { parseScripts } from "./script.js";
import { tryScript } from "./trial.js";

/** Three pages of a block, then the block and the next; the same with 1 GiB and a table inside; a split of it; ageing; teardown. */
const [script] = parseScripts(
  `S small fwb=0 range=0
  map 0x40000000 0x3000 0x1040000000 rwx
  map 0x40000000 0x400000 0x1040000000 rwx
  map 0x40400000 0x1000 0x1040400000 rwx
  map 0x40000000 0x40000000 0x1040000000 rwx
  wp 0x40000000 0x40000000
  map 0x40001000 0x1000 0x1040001000 rwx
  map 0x40002000 0x1000 0x1040002000 rwx
  old 0x40001000
  unmap 0x40000000 0x2000
  map 0x40000000 0x40000000 0x1040000000 rw
  destroy`,
  "small",
);

const rulesBroken = (name: string) => tryScript(strategyByName(name)!, script!).found.map(({ rule }) => rule);

describe("the sanitizer finds", () => {
  test.each(mutants.map((each) => ({ ...each, as: each.rules.join(", ") })))(
    "$mistake: $as",
    ({ strategy, rules }) => {
      expect(tryScript(strategy, script!).found.map(({ rule }) => rule)).toEqual(rules);
    },
  );
});

describe("the sanitizer is silent on", () => {
  test.each(strategies.map(({ name }) => name))("%s, but for what it declares", (name) => {
    const declared = strategyByName(name)!.deviations.map(({ law }) => law);
    expect(rulesBroken(name)).toEqual(declared.filter((law) => law === "unclean-leaf"));
  });
});

describe("post-patch loses its clean", () => {
  const exposed = (text: string) => {
    const [only] = parseScripts(`S one fwb=0 range=0\n${text}`, "one");
    return tryScript(strategyByName("post-patch")!, only!).found.map(({ rule, count, pages }) => ({
      rule,
      count,
      pages,
    }));
  };
  const block = "map 0x40000000 0x200000 0x1040000000 rwx";

  test("for the pages that nothing had mapped", () => {
    expect(exposed(`map 0x40000000 0x1000 0x1040000000 rwx\n${block}`)).toEqual([
      { rule: "unclean-leaf", count: 1, pages: 511 },
    ]);
  });
  test("not for a block whose pages were all mapped", () => {
    expect(
      exposed(`map 0x40000000 0x200000 0x1040000000 rwx\nfill 0x40000000 512 0x1000 0x1040000000 rwx`),
    ).toEqual([]);
    expect(exposed(`fill 0x40000000 512 0x1000 0x1040000000 rwx\n${block}`)).toEqual([]);
  });
  test("for all, where the pages mapped other memory", () => {
    expect(exposed(`fill 0x40000000 512 0x1000 0x2040000000 rwx\n${block}`)).toEqual([
      { rule: "unclean-leaf", count: 1, pages: 512 },
    ]);
  });
});
