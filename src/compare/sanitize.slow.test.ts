import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { StrategyError } from "../errors.js";
import { renderText as render } from "../report/published.js";
import { replayTrace } from "./diff.js";
import { replaySchema } from "./result.js";

vi.setConfig({ testTimeout: 60_000 });

const trace = (name: string) => fileURLToPath(new URL(`../../traces/${name}.ndjson.gz`, import.meta.url));
const vanilla = trace("5.10.262-vanilla-h2m-4v");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-sanitize-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A module: a built-in strategy with some of its facts changed. */
function changed(name: string, base: string, facts: string): string {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(
    path,
    `export default ({ strategyByName, PrePatchMap, habits }) => {
      const base = strategyByName(${JSON.stringify(base)});
      return { ...base, name: ${JSON.stringify(name)}, ${facts} };
    };`,
  );
  return path;
}

const rulesOf = (result: Awaited<ReturnType<typeof replayTrace>>) => result.findings?.map(({ rule }) => rule);

describe("a replay with --sanitize", () => {
  test.each(["v5.10", "v5.12-rc1", "pre-patch", "reorder-only", "v6.1", "v6.12", "v7.2"])(
    "is silent under %s",
    async (strategy) => {
      const result = await replayTrace({ input: vanilla, strategy, lenient: false, sanitize: true });
      expect(result.findings).toEqual([]);
      expect(result.caveats.map(({ code }) => code)).not.toContain("sanitizer");
    },
  );

  test("counts the pages that post-patch exposes as the work meter does", async () => {
    const input = trace("5.10.262-prepatch-h2m-4v");
    const result = await replayTrace({ input, strategy: "post-patch", lenient: false, sanitize: true });
    expect(result.findings).toMatchObject([{ rule: "unclean-leaf", count: 32, pages: 8160, level: 2 }]);
    const { text } = result.caveats.find(({ code }) => code === "unclean-pages")!;
    expect(text).toContain("32 blocks mapped 8,160 pages");
    expect(replaySchema.parse(result)).toEqual(result);
    expect(render(result, { color: false })).toContain("post-patch: unclean-leaf, 32 times, 8,160 pages\n");
  });

  test("catches a fault path that does not clean", async () => {
    const strategy = changed("no-clean", "v5.12-rc1", "faultPathCleans: false");
    const result = await replayTrace({ input: vanilla, strategy, lenient: false, sanitize: true });
    expect(rulesOf(result)).toEqual(["unclean-leaf"]);
  });

  test("catches a caller that does not flush after write-protect", async () => {
    const callers = "{ ...base.generation.callersFlush, afterWriteProtect: false }";
    const strategy = changed(
      "no-flush",
      "v5.12-rc1",
      `generation: { ...base.generation, callersFlush: ${callers} }`,
    );
    const result = await replayTrace({ input: vanilla, strategy, lenient: false, sanitize: true });
    expect(rulesOf(result)).toEqual(["stale-translation"]);
    expect(result.findings![0]!.operation).toMatch(/^wrprotect 0x/);
  });

  test("says what a walker did that broke its contract", async () => {
    const twice = `createMapWalker: (ops, map) => {
      const walker = new PrePatchMap(ops, map, habits["rfc-1/4"]);
      const post = walker.tablePost.bind(walker);
      walker.tablePost = (visit) => {
        if (walker.anchor === visit.slot) ops.freeTable(visit.child);
        return post(visit);
      };
      return walker;
    }`;
    const strategy = changed("twice", "pre-patch", twice);
    const replay = replayTrace({ input: vanilla, strategy, lenient: false, sanitize: true });
    await expect(replay).rejects.toThrow(StrategyError);
    await expect(replay).rejects.toThrow(
      /twice: freed-twice, once: map 0x[0-9a-f]+ .*\n(.*\n)*.*> free_page p\d+ -> 0/,
    );
  });

  test("without it nothing watches", async () => {
    const result = await replayTrace({ input: vanilla, strategy: "post-patch", lenient: false });
    expect(result.findings).toBeNull();
  });
});
