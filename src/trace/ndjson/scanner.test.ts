/**
 * The fast path, the slow path and an independent reading through the ndjson package give the same events,
 * and the same verdict on damaged lines.
 */

import { Readable } from "node:stream";
import fc from "fast-check";
import ndjson from "ndjson";
import { expect, test } from "vitest";
import { type PlainEvent, readAll } from "../events.test.support.js";

/** A field as a test makes it: how it may be written, and what it must turn into. */
interface Field {
  readonly key: string;
  /** JSON text of the value. */
  readonly json: string;
  readonly gives: PlainEvent;
}

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const field = (key: string, json: string, gives: PlainEvent): Field => ({ key, json, gives });
const text = (value: string): string => JSON.stringify(value);

/** A string's JSON with some characters written as escapes. */
const escaped = (value: string): fc.Arbitrary<string> =>
  fc.array(fc.nat(19), { minLength: value.length, maxLength: value.length }).map(
    (dice) =>
      `"${value
        .split("")
        .map((letter, index) =>
          dice[index] === 0
            ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`
            : text(letter).slice(1, -1),
        )
        .join("")}"`,
  );

/** An address in hex of any width and case, or as a number. */
const hex = (value: number): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(9), fc.boolean(), fc.nat(9)).map(([zeros, upper, dice]) => {
    if (dice === 0) return String(value);
    const digits = value.toString(16);
    return `"0x${"0".repeat(dice < 5 ? 0 : zeros)}${upper && dice < 3 ? digits.toUpperCase() : digits}"`;
  });
const hexField = (keys: string[], column: string, values: fc.Arbitrary<number>): fc.Arbitrary<Field> =>
  values.chain((value) =>
    fc.tuple(pick(...keys), hex(value)).map(([key, json]) => field(key, json, { [column]: value })),
  );
const numberField = (key: string, column: string, values: fc.Arbitrary<number>): fc.Arbitrary<Field> =>
  values.map((value) => field(key, String(value), { [column]: value }));
const textField = (key: string, column: string, ...values: string[]): fc.Arbitrary<Field> =>
  pick(...values).chain((value) => escaped(value).map((json) => field(key, json, { [column]: value })));
const constant = (column: string, ...fields: [string, string, number][]): fc.Arbitrary<Field> =>
  pick(...fields).map(([key, json, value]) => field(key, json, { [column]: value }));

const page = fc.nat(0xff_ffff).map((frame) => frame * 4096);
const ipa = fc.oneof(fc.nat(0xffff), page, fc.constant(2 ** 52 - 1));
const pointerField = (key: string) =>
  hexField([key], "number", pick(0xffff_0000_35ac, 0xab_cdef)).map((made) => ({
    ...made,
    gives: { pgt: `0x${Number(made.gives.number).toString(16)}` },
  }));
const pgt = pointerField("pgt");
const far = fc.bigInt(0n, (1n << 64n) - 1n).chain((value) =>
  pick("hxfar", "far").map((key) =>
    field(key, `"0x${value.toString(16)}"`, {
      farLow: Number(value & 0xffff_ffffn),
      farHigh: Number(value >> 32n),
    }),
  ),
);
const ret = fc.tuple(fc.integer({ min: -200, max: 5 }), fc.nat(4)).map(([value, dice]) => {
  const json = dice === 0 ? `"0x${BigInt.asUintN(64, BigInt(value)).toString(16)}"` : String(value);
  return field("ret", json, { ret: value });
});
const addrSize = [
  hexField(["addr"], "addr", page),
  hexField(["size"], "size", pick(0x1000, 0x20_0000, 0x4000_0000)),
];

/** What each event carries: required fields first, then optional ones. */
const shapes: Record<string, { required: fc.Arbitrary<Field>[]; optional: fc.Arbitrary<Field>[] }> = {
  kvm_guest_fault: {
    required: [
      hexField(["ipa", "gpa"], "addr", ipa),
      hexField(["hsr", "esr"], "esr", pick(0x93c58007, 0x92000047)),
    ],
    optional: [far, hexField(["vcpu_pc", "pc"], "unused", ipa).map((made) => ({ ...made, gives: {} }))],
  },
  kvm_entry: {
    required: [],
    optional: [hexField(["pc"], "unused", ipa).map((made) => ({ ...made, gives: {} }))],
  },
  s2_abort: { required: [], optional: [] },
  s2_abort_ret: { required: [], optional: [ret] },
  s2_map: {
    required: [pgt, ...addrSize],
    optional: [hexField(["phys"], "phys", page), hexField(["prot"], "prot", pick(1, 4, 6, 7))],
  },
  s2_map_ret: { required: [], optional: [ret, pgt] },
  s2_unmap: { required: [pgt, ...addrSize], optional: [] },
  s2_relax_perms: { required: [pgt, hexField(["addr"], "addr", ipa)], optional: [] },
  tlb_ipa: {
    required: [],
    optional: [
      hexField(["ipa"], "addr", ipa),
      constant("level", ["level", "2", 2], ["level", "-1", -1], ["level", '"0x3"', 3]),
    ],
  },
  tlb_range: {
    required: [],
    optional: [hexField(["start"], "addr", ipa), numberField("pages", "size", fc.nat(512))],
  },
  memslot: {
    required: [],
    optional: [
      numberField("slot", "slot", fc.nat(20)),
      hexField(["gpa"], "addr", page),
      hexField(["size"], "size", page),
      numberField("flags", "prot", fc.nat(3)),
      pointerField("kvm"),
      hexField(["page_size"], "phys", pick(0x1000, 0x20_0000, 0x4000_0000)),
    ],
  },
  marker: {
    required: [],
    optional: [
      textField("text", "text", "create", 'a "b" \\ c', "caf\u00e9 \u{1f600}", "x{y}\u007f"),
      constant("phase", ["phase", '"begin"', 1], ["phase", '"end"', 2]),
    ],
  },
  guest_access: {
    required: [hexField(["ipa"], "addr", ipa)],
    optional: [constant("write", ["write", "true", 1], ["write", "false", 0], ["write", "1", 1])],
  },
  guest_access_run: {
    required: [
      hexField(["ipa"], "addr", page),
      numberField("stride", "size", pick(64, 4096)),
      numberField("count", "amount", fc.nat(1000)),
    ],
    optional: [numberField("think_ns", "thinkNs", fc.nat(1000))],
  },
  kvm_userspace_exit: {
    required: [],
    optional: [constant("unused", ["reason", "6", 0]).map((made) => ({ ...made, gives: { text: "6" } }))],
  },
  sched_switch: {
    required: [
      fc.oneof(
        textField("prev_state", "text", "R", "R+", "S", "D|K"),
        constant("text", ["prev_state", "256", 0], ["prev_state", "0", 0]).map((made) => ({
          ...made,
          gives: { text: made.json === "0" ? "R" : "R+" },
        })),
      ),
      numberField("next_pid", "slot", fc.nat(9)),
    ],
    optional: [],
  },
  sched_waking: { required: [numberField("target_pid", "slot", fc.nat(9))], optional: [] },
  // Not known to the format.
  sched_wakeup: { required: [], optional: [numberField("prev_prio", "unused", fc.nat(120))] },
};

const extra = fc
  .tuple(
    pick("x", "__proto__", "constructor", "caf\u00e9", 'a"b', "gpa2", "toString"),
    fc.oneof(fc.json({ maxDepth: 2 }), pick("1", '"d..1."', "[]", "-1.5e3", "null", "true")),
  )
  .map(([key, json]) => field(key, json.replaceAll("\n", " "), {}));

const common = [
  fc.nat(7).map((cpu) => field("cpu", String(cpu), { cpu })),
  textField("comm", "comm", "CPU 0/KVM", "CPU 1/KVM", "qemu \u00fc", 'q"'),
  numberField("tgid", "tgid", fc.nat(9)),
  textField("vm", "vm", "web", "db"),
  numberField("vcpu", "vcpu", fc.nat(3)),
];

/** Time steps in nanoseconds, and how a time is written. */
const timing = fc.record({
  step: fc.nat(3000),
  form: pick("ts", "ts", "ts", "text", "timestamp", "ns", "nsText", "exponent"),
});

function timeField(ns: bigint, form: string): Field {
  const seconds = `${ns / 1_000_000_000n}.${String(ns % 1_000_000_000n).padStart(9, "0")}`;
  if (form === "ns") return field("ts_ns", String(ns), {});
  if (form === "nsText") return field("ts_ns", `"${ns}"`, {});
  if (form === "exponent") return field("ts", `${ns}e-9`, {});
  if (form === "text") return field("ts", `"${seconds}"`, {});
  return field(form, seconds, {});
}

interface Line {
  readonly step: number;
  readonly form: string;
  readonly event: string;
  readonly eventKey: string;
  readonly fields: readonly Field[];
  /** Sort keys: the same for many lines, so that templates are met again. */
  readonly order: readonly number[];
  readonly colon: string;
  readonly comma: string;
  readonly margin: string;
}

const styles = fc.record({
  colon: pick(":", ":", ":", ": ", " :\t"),
  comma: pick(",", ",", ",", ", ", " , "),
  margin: pick("", "", "", " "),
  order: fc.oneof(
    { weight: 3, arbitrary: fc.constant([] as number[]) },
    fc.array(fc.nat(100), { minLength: 3, maxLength: 12 }),
  ),
});

const line: fc.Arbitrary<Omit<Line, "colon" | "comma" | "margin" | "order">> = pick(
  ...Object.keys(shapes),
).chain((event) => {
  const { required, optional } = shapes[event]!;
  const some = (all: fc.Arbitrary<Field>[]): fc.Arbitrary<Field[]> =>
    fc
      .tuple(fc.tuple(...all), fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }))
      .map(([made, kept]) => (made as Field[]).filter((_, index) => kept[index]));
  return fc
    .tuple(
      timing,
      fc.tuple(...required),
      some(optional),
      some(common),
      fc.array(extra, { maxLength: 1 }),
      pick("event", "event", "name"),
      fc.nat(3),
    )
    .map(([{ step, form }, needed, options, shared, extras, eventKey, hasExtra]) => ({
      step,
      form,
      event,
      eventKey,
      fields: [...shared, ...(needed as Field[]), ...options, ...(hasExtra === 0 ? extras : [])],
    }));
});

/** Some styles, and lines that each take one of them. */
const trace = fc
  .tuple(
    fc.array(styles, { minLength: 1, maxLength: 3 }),
    fc.array(fc.tuple(line, fc.nat(2)), { minLength: 1, maxLength: 60 }),
    fc.bigInt(0n, 10n ** 18n),
  )
  .map(([chosen, lines, startNs]) => {
    let ns = startNs;
    return lines.map(([made, style]) => {
      ns += BigInt(made.step);
      return { ns, ...made, ...chosen[style % chosen.length]! };
    });
  });
type Trace = Line & { ns: bigint };

function render(made: Trace): string {
  const pid = 10 + (made.step % 3);
  const fields = [
    timeField(made.ns, made.form),
    field("pid", String(pid), {}),
    field(made.eventKey, text(made.event), {}),
    ...made.fields,
  ];
  const sortKey = new Map(
    fields.map((each, index) => [each, made.order[index % (made.order.length || 1)] ?? index]),
  );
  const members = fields.sort((a, b) => sortKey.get(a)! - sortKey.get(b)!);
  const { colon, comma, margin } = made;
  return `${margin}{${margin}${members.map(({ key, json }) => `${text(key)}${colon}${json}`).join(comma)}${margin}}${margin}`;
}

/** cpu is per line here, so times must not go backwards; they never do. */
function expected(lines: readonly Trace[]): PlainEvent[] {
  const known = lines
    .map((made, index) => ({ made, line: index + 1 }))
    .filter(({ made }) => made.event !== "sched_wakeup");
  const base = known[0]?.made.ns ?? 0n;
  return known.map(({ made, line: number }) => ({
    atNs: Number(made.ns - base),
    event: made.event,
    pid: 10 + (made.step % 3),
    line: number,
    ...Object.assign({}, ...made.fields.map((each) => each.gives)),
  }));
}

/** Drops columns that hold their absent value, as plainEvent() does. */
function shown(events: PlainEvent[]): PlainEvent[] {
  return events.map((event) => {
    const kept = { ...event };
    for (const column of ["esr", "farLow", "farHigh", "write", "phase"])
      if (kept[column] === 0) delete kept[column];
    if (kept.level === -1) delete kept.level;
    return kept;
  });
}

test("keys in any order, spacing, escapes, aliases, unknown fields, all forms of times: the same events", async () => {
  await fc.assert(
    fc.asyncProperty(trace, async (lines) => {
      const input = lines.map(render).join("\n");
      const fast = await readAll(input);
      const slow = await readAll(input, {}, false);
      const wanted = shown(expected(lines));
      if (wanted.length > 0) expect(fast.error).toBe(undefined);
      expect(fast.events).toEqual(wanted);
      expect(slow.events).toEqual(wanted);
      expect(fast.source?.report).toEqual(slow.source?.report);
    }),
    { numRuns: 300 },
  );
}, 60_000);

test("the ndjson package reads the same values", async () => {
  await fc.assert(
    fc.asyncProperty(trace, async (lines) => {
      const input = lines.map(render).join("\n");
      const rows: Record<string, unknown>[] = [];
      for await (const row of Readable.from([input]).pipe(ndjson.parse()))
        rows.push(row as Record<string, unknown>);
      const { events } = await readAll(input);
      const number = (value: unknown): number | undefined =>
        value === undefined ? undefined : Number(value);
      for (const event of events) {
        const row = rows[Number(event.line) - 1]!;
        expect(row.event ?? row.name).toBe(event.event);
        expect(row.pid).toBe(event.pid);
        expect(row.cpu).toBe(event.cpu);
        expect(row.comm).toBe(event.comm);
        expect(row.vm).toBe(event.vm);
        if (event.event === "s2_map") {
          expect(number(row.addr)).toBe(event.addr);
          expect(number(row.size)).toBe(event.size);
          expect(number(row.phys)).toBe(event.phys);
          expect(number(row.pgt)).toBe(Number(event.pgt));
        }
        if (event.event === "kvm_guest_fault") {
          expect(number(row.ipa ?? row.gpa)).toBe(event.addr);
          expect(number(row.hsr ?? row.esr)).toBe(event.esr);
        }
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);

const sane = [
  '{"ts":100.000001000,"cpu":0,"pid":10,"comm":"CPU 0/KVM","event":"s2_abort","extra":{"a":[1,2,"x"]}}',
  '{"ts":100.000002000,"cpu":0,"pid":10,"comm":"CPU 0/KVM","event":"kvm_guest_fault","ipa":"0x40000000","hsr":"0x93c58007","hxfar":"0xffff0000c3600000","vcpu_pc":"0x400b24"}',
  '{"ts":"100.000003000","cpu":0,"pid":10,"comm":"CPU 0/KVM","event":"s2_map","pgt":"0xffff000035ac3280","addr":"0x40000000","size":"0x1000","phys":"0x61400000","prot":"0x6","irq":"d..1."}',
  '{"ts":100.000004,"cpu":0,"pid":10,"comm":"CPU 0/KVM","event":"s2_map_ret","ret":-11}',
  '{"addr":"0x40000000","comm":"CPU 0/KVM","cpu":0,"event":"s2_unmap","pgt":"0xffff000035ac3280","pid":10,"size":"0x1000","ts":100.000005}',
  '{"ts_ns":100000006000,"cpu":0,"pid":10,"event":"tlb_ipa","mmu":"0xffff8000108be0f8","ipa":"0x40000000","level":2}',
  '{"ts":100.000007,"pid":10,"event":"marker","text":"caf\u00e9","phase":"begin"}',
  '{"ts":100.000008,"pid":10,"event":"guest_access","ipa":"0x1000","write":true}',
  '{"ts":100.000009,"pid":10,"event":"sched_switch","prev":"x"}',
];

/** Bytes that turn JSON into almost-JSON; no newline, which would make two lines of one. */
const byte = fc
  .oneof(fc.nat(255), pick(...[...'{}[]",:\\ \t\r.-+eE0129xXuabfntl'].map((letter) => letter.charCodeAt(0))))
  .filter((value) => value !== 10);

test("damaged lines: an error on the fast path if and only if on the slow one, with the same words", async () => {
  const edit = fc.tuple(fc.nat(8), fc.nat(250), byte, fc.nat(2));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 2 }), fc.boolean(), async (edits, lenient) => {
      const damaged = sane.map((each) => [...Buffer.from(each)]);
      for (const [number, at, value, sort] of edits) {
        const bytes = damaged[number]!;
        const where = at % bytes.length;
        if (sort === 0) bytes[where] = value;
        else if (sort === 1) bytes.splice(where, 0, value);
        else bytes.splice(where, 1 + (value % 3));
      }
      // Enough sane lines before for templates and phrases, a sane one after for the end of the input.
      const warm = Buffer.from(`${sane.join("\n")}\n`);
      const bytes = Buffer.concat([
        warm,
        warm,
        ...damaged.flatMap((each) => [Buffer.from(each), Buffer.from("\n")]),
        Buffer.from('{"ts":100.000010,"pid":10,"event":"s2_abort"}\n'),
      ]);
      const options = { lenient, reorderWindowNs: 1e6 };
      // No cpu, so that going back in time at each repetition is allowed.
      const input = Buffer.from(bytes.toString("latin1").replaceAll('"cpu":0,', '"tgid":0,'), "latin1");
      const fast = await readAll(input, options);
      const slow = await readAll(input, options, false);
      expect(fast.error).toBe(slow.error);
      expect(fast.events).toEqual(slow.events);
      expect(fast.source?.report).toEqual(slow.source?.report);
      for (const [index, each] of damaged.entries()) {
        if (fast.error === undefined || !fast.error.startsWith(`t:${2 * sane.length + index + 1}: malformed`))
          continue;
        expect(parses(Buffer.from(each))).toBe(false);
      }
      if (fast.error === undefined && !lenient)
        expect(damaged.every((each) => each.length === 0 || parses(Buffer.from(each)))).toBe(true);
    }),
    { numRuns: 400 },
  );
}, 60_000);

function parses(bytes: Buffer): boolean {
  try {
    const value: unknown = JSON.parse(
      new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    );
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
