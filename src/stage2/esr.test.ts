import { describe, expect, test } from "vitest";
import {
  FaultClass,
  faultClass,
  faultLevel,
  isCacheMaintenance,
  isExec,
  isGuestAbort,
  isGuestTableWalk,
  isWrite,
  UNKNOWN_LEVEL,
} from "./esr.js";

const DATA = 0x24 * 2 ** 26;
const INSTRUCTION = 0x20 * 2 ** 26;
const { translation, accessFlag, permission, external, tlbConflict, other } = FaultClass;

test.each([
  [0x00, other, UNKNOWN_LEVEL],
  [0x04, translation, 0],
  [0x07, translation, 3],
  [0x2b, translation, -1],
  [0x08, accessFlag, 0],
  [0x0b, accessFlag, 3],
  [0x0c, permission, 0],
  [0x0d, permission, 1],
  [0x0f, permission, 3],
  [0x10, external, UNKNOWN_LEVEL],
  [0x15, external, 1],
  [0x18, external, UNKNOWN_LEVEL],
  [0x1f, external, 3],
  [0x21, other, UNKNOWN_LEVEL],
  [0x30, tlbConflict, UNKNOWN_LEVEL],
  [0x31, other, UNKNOWN_LEVEL],
])("status code %i", (status, expected, level) => {
  for (const ec of [DATA, INSTRUCTION]) {
    expect(faultClass(ec + status)).toBe(expected);
    expect(faultLevel(ec + status)).toBe(level);
  }
});

describe("the kind of access", () => {
  const facts = (esr: number) => ({
    write: isWrite(esr),
    exec: isExec(esr),
    s1ptw: isGuestTableWalk(esr),
    cm: isCacheMaintenance(esr),
  });
  const none = { write: false, exec: false, s1ptw: false, cm: false };

  test.each([
    ["a read", 0x92000007, none],
    ["a write", 0x9200004f, { ...none, write: true }],
    ["a fetch", 0x82000007, { ...none, exec: true }],
    ["a guest table walk", 0x92000087, { ...none, s1ptw: true }],
    ["cache maintenance is no write", 0x92000147, { ...none, cm: true }],
    ["fields above bit 31 change nothing", 0x9200004f + 0x21 * 2 ** 32, { ...none, write: true }],
  ])("%s", (_, esr, expected) => {
    expect(facts(esr)).toEqual(expected);
    expect(isGuestAbort(esr)).toBe(true);
  });

  test("an abort taken from EL2 itself, or a trap, is no guest abort", () => {
    expect(isGuestAbort(0x96000007)).toBe(false);
    expect(isGuestAbort(0x5a000000)).toBe(false);
  });
});
