import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emit, OutputFile, removeUnfinished, wantsColor } from "./output.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "s2replay-output-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("an output file", () => {
  it("appears whole, and only at the end", () => {
    const name = join(folder, "result.txt");
    const file = new OutputFile(name);
    file.write("one\n");
    expect(existsSync(name)).toBe(false);
    file.write("two\n");
    file.finish();
    expect(readFileSync(name, "utf8")).toBe("one\ntwo\n");
    expect(readdirSync(folder)).toEqual(["result.txt"]);
  });

  it("leaves the old one alone when the program ends early", () => {
    const name = join(folder, "result.txt");
    writeFileSync(name, "old");
    new OutputFile(name).write("half");
    removeUnfinished();
    expect(readdirSync(folder)).toEqual(["result.txt"]);
    expect(readFileSync(name, "utf8")).toBe("old");
  });

  it("writes through a link", () => {
    const name = join(folder, "result.txt");
    writeFileSync(name, "old");
    symlinkSync("result.txt", join(folder, "link.txt"));
    emit("new", join(folder, "link.txt"));
    expect(readFileSync(name, "utf8")).toBe("new");
    expect(lstatSync(join(folder, "link.txt")).isSymbolicLink()).toBe(true);
  });

  it("leaves a device a device", () => {
    emit("gone", "/dev/null");
    expect(lstatSync("/dev/null").isCharacterDevice()).toBe(true);
  });

  it("says why it cannot be written", () => {
    expect(() => new OutputFile(folder)).toThrow(`${folder}: is a directory`);
    const name = join(folder, "none", "result.txt");
    expect(() => new OutputFile(name)).toThrow(`${name}: cannot be written (ENOENT)`);
  });
});

describe("colour", () => {
  const env = { ...process.env };
  afterEach(() => {
    process.env = { ...env };
  });

  it.each([
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "0" }, false],
    [{ NO_COLOR: "1" }, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, true],
  ])("%j", (set, expected) => {
    process.env = { ...env, FORCE_COLOR: "", NO_COLOR: "", ...set };
    expect(wantsColor(undefined)).toBe(expected);
  });

  it("not in a file", () => {
    process.env = { ...env, FORCE_COLOR: "", NO_COLOR: "" };
    expect(wantsColor("result.txt")).toBe(false);
  });
});
