import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { StrategyError, UsageError } from "../errors.js";
import { breaches } from "../scenario/laws.js";
import { parseScripts } from "../scenario/script.js";
import { strategies, strategyByName } from "./index.js";
import { loadStrategy } from "./load.js";
import { v6_1 } from "./v6.1.js";

const folder = mkdtempSync(join(tmpdir(), "s2replay-strategy-"));
let files = 0;

function write(source: string): string {
  const path = join(folder, `mine${files++}.mjs`);
  writeFileSync(path, source);
  return path;
}

const facts = `name: "mine", models: "nothing", lockRegime: "exclusive", faultPathCleans: false, deferredFrees: false`;

describe("a strategy by name", () => {
  test("is the built-in one", async () => {
    expect(await loadStrategy("post-patch")).toBe(strategyByName("post-patch"));
  });
  test("suggests a near name and lists all", async () => {
    const loading = loadStrategy("postpatch");
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(
      /^no strategy named "postpatch" \(did you mean "post-patch"\?\); there are pre-patch, post-patch, /,
    );
  });
  test("names are unique", () => {
    expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
  });
});

describe("a strategy from a module", () => {
  test("may be an object", async () => {
    const path = write(`export default { ${facts}, createMapWalker: () => ({ leaf: () => "continue" }) };`);
    const strategy = await loadStrategy(path);
    expect(strategy).toMatchObject({ name: "mine", deviations: [], lockRegime: "exclusive" });
  });

  test("may build on a built-in one, and is watched: the example in strategy.ts", async () => {
    const path = write(`export default ({ strategyByName, PrePatchMap, habits }) => {
      class FlushOneIpa extends PrePatchMap {
        tablePre(visit) {
          if (this.anchor !== undefined || !this.map.allowsLeafAt(visit)) return "continue";
          this.ops.invalidate(visit);
          this.ops.tlbiIpa(visit.ipa, visit.level);
          this.anchor = visit.slot;
          return "continue";
        }
      }
      return {
        ...strategyByName("pre-patch"),
        name: "flush-one-ipa",
        models: "pre-patch with a narrower flush",
        createMapWalker: (ops, map) => new FlushOneIpa(ops, map, habits["rfc-1/4"]),
      };
    };`);
    const strategy = await loadStrategy(path);
    const coalesce = ["S one", "map 0 0x1000 0x1000000000 rwx", "map 0 0x200000 0x1000000000 rwx", "destroy"];
    const [script] = parseScripts(coalesce.join("\n"), "one");
    // Its question is answered: the block's level is no hint for the pages that the table held.
    expect(breaches(strategy, v6_1, script!)).toMatchObject([{ law: "flush-too-narrow", operation: 2 }]);
  });

  test.each([
    ["export const strategy = {};", "default export: expected a strategy, got nothing"],
    ["export default 17;", "default export: expected a strategy, got 17"],
    ["export default {};", "name: expected a name, got nothing"],
    [
      'export default { name: "mine" };',
      "models: expected one line that says which generation it models, got nothing",
    ],
    [
      `export default { ${facts}, lockRegime: "spin" };`,
      'lockRegime: expected "exclusive" or "shared", got "spin"',
    ],
    [
      `export default { ${facts}, faultPathCleans: "no" };`,
      'faultPathCleans: expected true or false, got "no"',
    ],
    [`export default { ${facts}, createMapWalker: {} };`, "createMapWalker: expected a function, got {}"],
    [`export default { ${facts}, createMapWalker: () => 1 };`, "createMapWalker: expected a visitor, got 1"],
    [
      `export default { ${facts}, createMapWalker: () => ({ leaf: true }) };`,
      "leaf: expected a function, got true",
    ],
    [
      `export default { ${facts}, generation: { walk: {} }, createMapWalker: () => ({}) };`,
      'generation: expected the generation of a built-in strategy, or one like it, got {"walk":{}}',
    ],
    [
      `export default { ${facts}, createMapWalker: () => ({ leaf: () => true }) };`,
      'strategy mine answered true to a visit: expected one of "continue", "retry", "too-big", "no-memory", "invalid"',
    ],
    [
      `export default { ${facts}, createMapWalker: () => ({ leaf: () => nowhere }) };`,
      "strategy mine failed in a map: nowhere is not defined",
    ],
    ['throw new Error("not today");', "failed to load: not today"],
    ["export default {", "failed to load: "],
  ])("%s is refused", async (source, problem) => {
    const loading = loadStrategy(write(source));
    await expect(loading).rejects.toThrow(StrategyError);
    await expect(loading).rejects.toThrow(problem);
  });

  test("by a former name fails, and says the new name", async () => {
    await expect(loadStrategy("v5.11")).rejects.toThrow(
      "the strategy v5.11 is called v5.12-rc1 now; the kernel of that release runs v5.10: expected either",
    );
    expect((await loadStrategy("5.11")).name).toBe("v5.10");
    await expect(loadStrategy("constructor")).rejects.toThrow('no strategy named "constructor"');
  });

  test("must be there", async () => {
    const loading = loadStrategy("./not-there.js");
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow("no strategy file ./not-there.js");
  });
});
