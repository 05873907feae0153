/** What the record tells about durations goes by the granule's own sizes. */

import { describe, expect, it } from "vitest";
import { Operation, OperationKind } from "../../activity/activity.js";
import { loadProfile } from "../../cost/profile.js";
import { Granule } from "../../stage2/granule.js";
import { Charge, chargeKinds } from "../../stage2/meter.js";
import { Shape } from "../plan.js";
import { Learnt } from "./learnt.js";

const learntOf = (pageBytes: number, recorderCleansBefore = false) =>
  new Learnt(
    loadProfile("kunpeng920"),
    new Float64Array(chargeKinds),
    new Granule(pageBytes, 48),
    recorderCleansBefore,
    () => 0,
  );

function operation(kind: OperationKind, fields: Partial<Operation>): Operation {
  const work = new Float64Array(chargeKinds);
  work[Charge.entryVisit] = 1;
  const unknown = Number.NaN;
  return Object.assign(new Operation(), {
    kind,
    work,
    toBreakNs: unknown,
    toFlushedNs: unknown,
    toInstallNs: unknown,
    pageSpacingNs: unknown,
    blockSpacingNs: unknown,
    ...fields,
  });
}

// A block of level 2 is 2, 32 and 512 MiB.
describe.each([
  [4096, 2 ** 21],
  [16_384, 2 ** 25],
  [65_536, 2 ** 29],
])("pages of %i bytes", (page, block) => {
  it("an unmap's flushes, one block and one page apart, show the clean's cost per byte", () => {
    const learnt = learntOf(page);
    const spacing = { pageSpacingNs: 500 + page / 16, blockSpacingNs: 500 + block / 16 };
    learnt.learnOperation(operation(OperationKind.unmap, { shape: Shape.other, ...spacing }), 1e6);
    learnt.settle();
    expect(learnt.cleanByteNs).toBeCloseTo(1 / 16, 12);
  });

  it("if an unmap was delayed at a block and first maps were not, the first maps show it", () => {
    const learnt = learntOf(page);
    const spacing = { pageSpacingNs: 500 + page / 16, blockSpacingNs: 900 + block / 8 };
    learnt.learnOperation(operation(OperationKind.unmap, { shape: Shape.other, ...spacing }), 1e6);
    for (const bytes of [page, block]) {
      const fresh = operation(OperationKind.map, { shape: Shape.install, bytes });
      (fresh.work as Float64Array)[Charge.cleanByte] = bytes;
      learnt.learnOperation(fresh, 700 + bytes / 16);
    }
    learnt.settle();
    expect(learnt.cleanByteNs).toBeCloseTo(1 / 16, 12);
  });

  it("a page is no block: each has its own usual duration", () => {
    const learnt = learntOf(page);
    for (const [bytes, ns] of [
      [page, 700],
      [block, 9000],
    ] as const)
      learnt.learnDuration(operation(OperationKind.map, { shape: Shape.unchanged, bytes }), ns);
    expect(learnt.usualNs(Shape.unchanged, page)).toBe(700);
    expect(learnt.usualNs(Shape.unchanged, block)).toBe(9000);
  });
});

describe("a hand-off", () => {
  const handoff = (gapNs: number) => {
    const learnt = learntOf(4096);
    for (let n = 0; n < 30; n++) {
      learnt.learnOwn(0, 16_000 + n);
      learnt.learnGap(gapNs + n);
    }
    return learnt.handoffNs;
  };

  it("is the usual gap after a release", () => {
    expect(handoff(2000)).toBe(2015);
  });

  it("is never more than a fault's own time alone: a gap of milliseconds is others' turns on a CPU", () => {
    expect(handoff(4_000_000)).toBeLessThan(16_030);
  });
});

describe("a clean before the map", () => {
  const PAGE = 4096;
  const BLOCK = 2 ** 21;

  /** @param before of each map, its size, and the time before it since the abort and since somebody left the lock; ns */
  const learntFrom = (...before: readonly (readonly [bytes: number, abortNs: number, heldNs: number])[]) => {
    const learnt = learntOf(PAGE, true);
    for (const [bytes, abortNs, heldNs] of before) learnt.learnBefore(bytes, abortNs, heldNs);
    learnt.settle();
    return learnt;
  };

  it("is a block's extra time over a page from the lock to its map; zeroing is not", () => {
    // A first touch zeroes the block as well; who waits behind it only cleans.
    const learnt = learntFrom(
      [PAGE, 90_000, 1_500],
      [BLOCK, 262_000, 900_000],
      [BLOCK, 390_000, 132_300],
      [BLOCK, 390_000, 140_000],
    );
    expect(learnt.knowsClean).toBe(true);
    expect(learnt.cleanByteNs).toBeCloseTo(130_800 / (BLOCK - PAGE), 9);
  });

  it("is shown by the fastest of the first faults if nobody waited", () => {
    const learnt = learntFrom([PAGE, 3_500, 900_000], [BLOCK, 262_000, 900_000], [BLOCK, 134_500, 900_000]);
    expect(learnt.cleanByteNs).toBeCloseTo(131_000 / (BLOCK - PAGE), 9);
  });

  it("is not shown by pages alone", () => {
    expect(learntFrom([PAGE, 1_500, 900_000], [PAGE, 90_000, 1_500]).knowsClean).toBe(false);
  });
});
