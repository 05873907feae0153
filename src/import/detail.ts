/**
 * An event's own fields in text: a probe's `(address) k=v k=v`, or a tracepoint's sentence. What a line looks like
 * is found once, with regular expressions; from then on its literal parts are compared and its values taken in place.
 */

import { LineProblem } from "../trace/ndjson/line-values.js";

/** A part of the detail: a field's value, or text that varies and says nothing. */
interface Slot {
  /** Index among the fields; -1 for text that is skipped. */
  readonly field: number;
  /** Bytes of the detail. */
  readonly from: number;
  readonly end: number;
}

const SPACE = 0x20;
const QUOTE = 0x22;

/** The look of a detail. */
export class DetailPattern {
  /** Where the fields' values were in the last line matched: bytes [from, end). */
  readonly from: Int32Array;
  readonly end: Int32Array;
  /** Literal text before each slot, and the text behind the last. */
  private readonly literals: Uint8Array[] = [];
  /** Field of each slot, -1 for none. */
  private readonly slotFields: Int32Array;

  /** `detail` as Latin-1, `slots` in its order. */
  constructor(
    readonly fields: readonly string[],
    detail: string,
    slots: readonly Slot[],
    /** Digits alone are hex too. */
    readonly isHex = false,
  ) {
    this.from = new Int32Array(fields.length);
    this.end = new Int32Array(fields.length);
    this.slotFields = Int32Array.from(slots, ({ field }) => field);
    let behind = 0;
    for (const { from, end } of slots) {
      this.literals.push(Buffer.from(detail.slice(behind, from), "latin1"));
      behind = end;
    }
    this.literals.push(Buffer.from(detail.slice(behind), "latin1"));
  }

  /** Whether bytes [at, end) look like this; then `from` and `end` say where the values are. */
  match(bytes: Uint8Array, at: number, end: number): boolean {
    const literals = this.literals;
    const fields = this.slotFields;
    for (let slot = 0; ; slot++) {
      const literal = literals[slot]!;
      const { length } = literal;
      if (at + length > end) return false;
      for (let i = 0; i < length; i++) if (bytes[at + i] !== literal[i]) return false;
      at += length;
      if (slot === fields.length) return at === end;
      const next = literals[slot + 1]!;
      const stop = next.length === 0 ? -1 : next[0]!;
      const field = fields[slot]!;
      const first = at;
      if (field < 0) while (at < end && bytes[at] !== stop) at++;
      else {
        if (bytes[at] === QUOTE) while (++at < end && bytes[at] !== QUOTE);
        while (at < end && bytes[at] !== stop && bytes[at] !== SPACE) at++;
        this.from[field] = first;
        this.end[field] = at;
      }
      if (at === first) return false;
    }
  }
}

/** Tracepoints print sentences; their values are named as the wire names them, and unnamed ones say nothing. */
const hex = "(?:0x)?[0-9a-fA-F]+";
const hva = new RegExp(`: (?<start>${hex})(?: -- (?<end>${hex}))?(?! --)\\b`, "d");
const sentences = new Map<string, RegExp>([
  [
    "kvm_guest_fault",
    new RegExp(
      `\\bipa (?<ipa>${hex}), hsr (?<hsr>${hex}), hxfar (?<hxfar>${hex}), pc (?<vcpu_pc>${hex})`,
      "d",
    ),
  ],
  // Printed with %lx: hex without 0x, in report -R too.
  ["kvm_access_fault", new RegExp(`\\b(?:IPA: |ipa=)(?<ipa>${hex})`, "d")],
  // trace-cmd's kvm plugin knows x86 fields only and complains before it prints the kernel's own format.
  ["kvm_entry", new RegExp(`\\bPC: (?<vcpu_pc>${hex})`, "d")],
  [
    "kvm_exit",
    new RegExp(`\\b(?<ret>\\w+): [HE]SR_EC: (?<esr_ec>${hex}) \\((\\w+)\\), PC: (?<vcpu_pc>${hex})`, "d"),
  ],
  ["kvm_userspace_exit", /\breason (?<reason>\S+)(?: \((-?\d+)\))?(?= |$)/d],
  ["kvm_unmap_hva_range", hva],
  ["kvm_age_hva", hva],
  ["kvm_test_age_hva", hva],
]);

const pair = /(?<![^ ])(\w+)=("[^"]*"|[^ ]+)/dg;
/** The address of a probe: where it hit, and for a return where it goes back to. */
const address = /^\(([^)]*)\) /;

/** What a detail (as Latin-1) of an event looks like. Throws LineProblem. */
export function learnDetail(event: string, detail: string): DetailPattern {
  const found = sentences.get(event)?.exec(detail);
  if (found?.indices === undefined) {
    const pairs = learnPairs(detail);
    if (sentences.has(event) && pairs.fields.length === 0) {
      throw new LineProblem(
        "fields not as expected",
        `${event}: expected what the kernel prints of it, or k=v`,
      );
    }
    return pairs;
  }
  return learnSentence(detail, found, found.indices, event === "kvm_access_fault");
}

function learnSentence(
  detail: string,
  found: RegExpExecArray,
  indices: RegExpIndicesArray,
  isHex: boolean,
): DetailPattern {
  const names = new Map(Object.entries(indices.groups ?? {}).map(([name, span]) => [String(span), name]));
  const fields: string[] = [];
  const slots: Slot[] = [];
  for (let group = 1; group < found.length; group++) {
    const span = indices[group];
    if (span === undefined) continue;
    const name = names.get(String(span));
    const field = name === undefined ? -1 : fields.push(name) - 1;
    slots.push({ field, from: span[0], end: span[1] });
  }
  return new DetailPattern(fields, detail, slots, isHex);
}

function learnPairs(detail: string): DetailPattern {
  const fields: string[] = [];
  const slots: Slot[] = [];
  const behind = address.exec(detail);
  if (behind !== null && behind[1] !== "") slots.push({ field: -1, from: 1, end: 1 + behind[1]!.length });
  for (const { 1: key, index, indices } of detail.matchAll(pair)) {
    const [from, end] = indices![2]!;
    if (index < (slots[0]?.end ?? 0)) continue;
    // The first of a name counts.
    const field = fields.includes(key!) ? -1 : fields.push(key!) - 1;
    slots.push({ field, from, end });
  }
  return new DetailPattern(fields, detail, slots);
}
