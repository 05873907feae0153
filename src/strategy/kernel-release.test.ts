import { expect, test } from "vitest";
import { UsageError } from "../errors.js";
import { strategyByName } from "./index.js";
import { standInText, strategyOfKernel, strategyOfRelease } from "./kernel-release.js";

test.each([
  ["5.10.262", "v5.10"],
  ["5.11.0-rc6+", "v5.10"],
  ["5.12.0", "v5.12-rc1"],
  ["5.13.19-2-pve", "v5.12-rc1"],
  ["5.14.0-427.13.1.el9_4.aarch64", "v6.1"],
  ["6.1.192", "v6.1"],
  ["6.2.0", "v6.12 with a caveat"],
  ["6.4.1", "v6.12 with a caveat"],
  ["6.12.107-generic", "v6.12"],
  ["6.13.0", "v7.2 with a caveat"],
  ["7.2.13", "v7.2"],
  ["8.0.0", "v7.2 with a caveat"],
  ["5.4.0", undefined],
  ["unknown", undefined],
])("kernel %s runs %s", (release, expected) => {
  const found = strategyOfKernel(release);
  const text = found && `${found.name}${found.caveat === undefined ? "" : " with a caveat"}`;
  expect(text).toBe(expected);
});

test("the first release without a modelled walker gets a guess with a caveat, and no strategy stands for it", () => {
  expect(strategyOfKernel("7.3.4")?.caveat).toBe(
    "kernel 7.3.4 is replayed as v7.2: the latest walker that is modelled",
  );
  expect(() => strategyOfRelease("v7.3")).toThrow(UsageError);
  expect(() => strategyOfRelease("v5.4")).toThrow("the nearest is v5.10");
});

test.each([
  ["v6.6", "v6.12 stands for v6.6: the same walker"],
  ["6.2", "kernel 6.2 is replayed as v6.12: its walk does not read an entry again after TABLE_PRE"],
  ["v6.12", undefined],
  ["./mine.js", undefined],
])("%s as a side: %s", (name, text) => {
  expect(standInText(name, strategyByName("v6.12")!)).toBe(text);
});
