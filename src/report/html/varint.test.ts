import fc from "fast-check";
import { expect, it } from "vitest";
import { ByteSink, ByteSource, readColumns, writeColumns } from "./varint.js";

const layout = [["plain"], ["stepped", "delta"]] as const;
const whole = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -(2 ** 51), max: 2 ** 51 }),
  fc.integer({ min: -300, max: 300 }),
);

it("law: columns are read as they were written, whatever is in them", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(whole, whole)), (rows) => {
      const plain = Float64Array.from(rows, ([value]) => value);
      const stepped = Float64Array.from(rows, ([, value]) => value);
      const sink = new ByteSink();
      writeColumns(sink, layout, { plain, stepped }, Uint32Array.from(rows.keys()));
      const read = readColumns(new ByteSource(sink.taken()), layout, rows.length);
      expect([...read.plain]).toEqual([...plain]);
      expect([...read.stepped]).toEqual([...stepped]);
    }),
  );
});

it("law: a column of one value is a few bytes", () => {
  const sink = new ByteSink();
  const count = 100_000;
  const one = new Float64Array(count).fill(7);
  writeColumns(
    sink,
    [["of", "delta"]],
    { of: one },
    Uint32Array.from({ length: count }, (_, row) => row),
  );
  expect(sink.taken().length).toBeLessThan(8);
});
