import { expect, it } from "vitest";
import { fuzzText } from "./text-fuzz.test.support.js";

it("law: damaged text gives events or an error with a name", { timeout: 120_000 }, async () => {
  const { events, refused, files } = await fuzzText(1, 10_000);
  expect(events).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
  expect(refused).toBeLessThan(files);
});
