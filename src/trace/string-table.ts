/** Interned strings, and ways to find one by its bytes as they stand in the input. */

import type { StringTable } from "./event.js";

export class Interner implements StringTable {
  private readonly texts: string[] = [];
  private readonly ids = new Map<string, number>();

  get size(): number {
    return this.texts.length;
  }

  text(id: number): string {
    const text = this.texts[id];
    if (text === undefined) throw new RangeError(`no string ${id}`);
    return text;
  }

  intern(text: string): number {
    let id = this.ids.get(text);
    if (id === undefined) {
      id = this.texts.push(text) - 1;
      this.ids.set(text, id);
    }
    return id;
  }
}

/** Spellings beyond this many go through the slow path, so that a hostile trace cannot fill memory twice. */
const MAX_SPELLINGS = 1 << 16;

/**
 * Finds a number (an interned id, an event's branch) by the bytes of a JSON string, closing quote included.
 * Several spellings may stand for the same number: `0xAB` and `0xab`, `caf\u00e9` and its UTF-8.
 * Only bytes that the slow path has checked are ever added, so a find needs no check of its own.
 */
export class Spellings {
  private store = new Uint8Array(4096);
  private view = new DataView(this.store.buffer);
  private stored = 0;
  private count = 0;
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];
  private readonly hashes: number[] = [];
  private readonly numbers: number[] = [];
  private slots = new Int32Array(256).fill(-1);

  /** The spelling's entry, -1 if unknown. `end` is behind the closing quote. */
  find(bytes: Uint8Array, from: number, end: number, hash: number): number {
    const mask = this.slots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.slots[slot]!;
      if (entry < 0) return -1;
      if (this.hashes[entry] === hash && this.lengths[entry] === end - from) {
        const offset = this.offsets[entry]!;
        let index = 0;
        while (from + index < end && this.store[offset + index] === bytes[from + index]) index++;
        if (from + index === end) return entry;
      }
    }
  }

  /**
   * Whether `entry` stands at `at`; its length if so, else 0. The line ends in a newline, which no entry
   * holds, and `view` is readable for 3 bytes more: so a word never reaches too far. */
  matches(entry: number, view: DataView, at: number): number {
    const length = this.lengths[entry]!;
    const offset = this.offsets[entry]!;
    const own = this.view;
    let index = 0;
    for (; index + 4 <= length; index += 4) {
      if (own.getInt32(offset + index, true) !== view.getInt32(at + index, true)) return 0;
    }
    for (; index < length; index++) {
      if (own.getUint8(offset + index) !== view.getUint8(at + index)) return 0;
    }
    return length;
  }

  /** The entry of a whole text, closing quote included; -1 if unknown. */
  findText(text: Uint8Array): number {
    return this.find(text, 0, text.length, hashOf(text, 0, text.length));
  }

  number(entry: number): number {
    return this.numbers[entry]!;
  }

  add(bytes: Uint8Array, from: number, end: number, number: number): void {
    const hash = hashOf(bytes, from, end);
    if (this.count >= MAX_SPELLINGS || this.find(bytes, from, end, hash) >= 0) return;
    const length = end - from;
    if (this.stored + length > this.store.length) this.grow(length);
    this.store.set(bytes.subarray(from, end), this.stored);
    this.offsets.push(this.stored);
    this.lengths.push(length);
    this.hashes.push(hash);
    this.numbers.push(number);
    this.stored += length;
    this.count++;
    if (this.count * 2 > this.slots.length) this.rehash();
    else this.place(this.count - 1);
  }

  private grow(length: number): void {
    const wider = new Uint8Array(Math.max(this.store.length * 2, this.stored + length));
    wider.set(this.store);
    this.store = wider;
    this.view = new DataView(wider.buffer);
  }

  private rehash(): void {
    this.slots = new Int32Array(this.slots.length * 4).fill(-1);
    for (let entry = 0; entry < this.count; entry++) this.place(entry);
  }

  private place(entry: number): void {
    const mask = this.slots.length - 1;
    let slot = this.hashes[entry]! & mask;
    while (this.slots[slot]! >= 0) slot = (slot + 1) & mask;
    this.slots[slot] = entry;
  }
}

/** One step of the hash over a string's bytes (the closing quote left out). */
export function hashStep(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte) | 0;
}

function hashOf(bytes: Uint8Array, from: number, end: number): number {
  let hash = 0;
  for (let at = from; at < end - 1; at++) hash = hashStep(hash, bytes[at]!);
  return hash;
}
