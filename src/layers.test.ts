import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

/** Data flows one way: a file imports from its own room and from rooms to the left of it. */
const rooms = [
  ["errors", "suggest", "double", "seeded-random", "json-text"],
  ["trace"],
  ["import"],
  ["export"],
  ["record"],
  ["activity"],
  ["stage2"],
  ["strategy"],
  ["scenario"],
  ["cost"],
  ["replay"],
  ["workload"],
  ["compare"],
  ["report"],
  ["fixture"],
  ["cli", "index"],
  ["proof"],
];

interface SourceFile {
  /** From src, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** `trace/event.ts` is in the room `trace`, `errors.ts` in `errors`. Undefined where there is no such room. */
function roomOf(path: string): number | undefined {
  const name = path.split("/")[0]!.replace(/\.ts$/, "");
  const room = rooms.findIndex((names) => names.includes(name));
  return room === -1 ? undefined : room;
}

const importLine =
  /^\s*(?:import|export)\b[^"';]*?\bfrom\s+["'](\.[^"']*)["']|^\s*import\s+["'](\.[^"']*)["']|\bimport\(\s*["'](\.[^"']*)["']\s*\)/gm;

function importsOf(file: SourceFile): string[] {
  return [...file.text.matchAll(importLine)]
    .map((match) => match[1] ?? match[2] ?? match[3]!)
    .map((target) => join(dirname(file.path), target).replace(/\.js$/, ".ts"));
}

function violationsIn(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => {
    const own = roomOf(file.path);
    if (own === undefined) return [`${file.path} is in no room`];
    return importsOf(file).flatMap((target) => {
      const room = roomOf(target);
      return room !== undefined && room <= own ? [] : [`${file.path} imports ${target}`];
    });
  });
}

function sourceFiles(): SourceFile[] {
  const src = dirname(fileURLToPath(import.meta.url));
  return readdirSync(src, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.ts$/.test(entry.name) && !/\.test\./.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path: relative(src, path).replaceAll("\\", "/"), text: readFileSync(path, "utf8") }));
}

describe("layers", () => {
  it("no room imports from one to its right", () => {
    const files = sourceFiles();
    expect(files.length).toBeGreaterThan(20);
    expect(violationsIn(files)).toEqual([]);
  });

  it("nothing imports node:process", () => {
    // Its ES module reads every property, stdin among them: a pipe that others read too then no longer blocks for them.
    const importing = sourceFiles().filter(({ text }) => /from "node:process"/.test(text));
    expect(importing.map(({ path }) => path)).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    ["trace/a.ts", 'import { x } from "../replay/b.js";', ["trace/a.ts imports replay/b.ts"]],
    ["trace/a.ts", 'import {\n  x,\n  y,\n} from "../replay/b.js";', ["trace/a.ts imports replay/b.ts"]],
    ["trace/a.ts", 'import type { X } from "../replay/b.js";', ["trace/a.ts imports replay/b.ts"]],
    ["trace/a.ts", 'export * from "../index.js";', ["trace/a.ts imports index.ts"]],
    ["trace/a.ts", 'import "../cli.js";', ["trace/a.ts imports cli.ts"]],
    ["trace/a.ts", 'const x = await import("../replay/b.js");', ["trace/a.ts imports replay/b.ts"]],
    ["errors.ts", 'import { x } from "./trace/a.js";', ["errors.ts imports trace/a.ts"]],
    ["report/a.ts", 'import { x } from "../attic/b.js";', ["report/a.ts imports attic/b.ts"]],
    ["utils/a.ts", "", ["utils/a.ts is in no room"]],
    ["replay/a.ts", 'import { x } from "../trace/b.js";\nimport { y } from "./c.js";', []],
    ["trace/a.ts", 'import { x } from "../errors.js";\nimport { readFile } from "node:fs";', []],
    ["cli/a.ts", 'import { x } from "../report/b.js";', []],
    ["cost/a.ts", 'import p from "./profiles/p.json" with { type: "json" };', []],
  ])("%s with %j: %j", (path, text, violations) => {
    expect(violationsIn([{ path, text }])).toEqual(violations);
  });
});
