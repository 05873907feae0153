/**
 * Runs of text that lines repeat: `,"cpu":3,"pid":4003,"comm":"CPU 3/KVM","event":"` is the same for every
 * line of a thread. Once the templates have read such a run, its bytes and what they put into the row are
 * kept, and the next line that has it is compared eight bytes at a time instead of being read field by
 * field. What a run means depends only on where in the template tree it begins, so this is a pure shortcut.
 *
 * Everything that matching reads (phrase-match.ts) lies in a few arrays of numbers: the time goes into
 * cache misses. A phrase is a record in one of them: a head, the values that it fills, its text. It is named
 * by the record's index in 64-bit words; 0 is none.
 */

import type { BatchPool } from "../batch-rows.js";
import type { EventBatch } from "../event.js";
import { Role } from "../event-fields.js";
import { maskOf } from "./number-scan.js";
import { Fills, type Place } from "./place.js";
import { DEFERRED, type Edge, END } from "./template.js";

/** A phrase's head, in 32-bit words; the values follow. */
export const Phrase = {
  /** Where the text begins, in 64-bit words. */
  text: 0,
  /**
   * 64-bit words of text; the last ends with the phrase and may overlap the one before. A phrase of less than
   * eight bytes has four 32-bit words instead: its two halves, each followed by a mask of the bits that count.
   */
  words: 1,
  /** Bytes. */
  length: 2,
  place: 3,
  /** The phrase before in the same bucket. */
  older: 4,
  fills: 5,
  /** The edge that follows: its literal ends the phrase, its value comes next. */
  next: 6,
  /** Of a thread's phrase: the event's phrase that last followed. */
  tail: 7,
  values: 8,
} as const;

/** What is known of a place. */
export const PlaceWord = {
  /** Part of a phrase's key: a new one forgets the phrases known so far. */
  id: 0,
  /** How many of a phrase's first 32-bit words are hashed, an even number: no more than the shortest has. */
  hashed: 1,
  /** 1 if the phrase before the line's event is hashed too. */
  usesThread: 2,
} as const;

/** What is known of an edge that follows phrases. */
export const EdgeWord = {
  /** Hot of template.ts, or one of Next. */
  hot: 0,
  mask: 1,
  /** The place behind the edge's value. */
  place: 2,
  /** The place of the events' names. */
  event: 3,
} as const;
export const Next = { end: 20, event: 21, deferred: 22 } as const;
const WORDS = 4;

export const THREAD = Fills.cpu | Fills.pid | Fills.comm;
export const THREAD_VALUES = 3;
export const OWNER = Fills.vm | Fills.vcpu | Fills.tgid;
/** An event's phrase says these even where it does not fill them: nothing before the name can have. */
export const EVENT = Fills.kind | Fills.pgt | Fills.ret | Fills.prot | Fills.level;
export const EVENT_VALUES = 5;

const MAX_BYTES = 512;
const MAX_HASHED = 12;
const BUCKETS = 1 << 12;
/** Some 10,000 phrases. When it is full all are forgotten, and those still in use are soon back. */
const STORE_WORDS = 1 << 18;
const FIRST_STORE_WORDS = 1 << 13;
/** 4096 guesses. */
export const GUESS_SHIFT = 20;
const MAX_PLACES = 1 << 12;
const MAX_EDGES = 1 << 12;
/** Room for the largest record. */
const RECORD_WORDS = MAX_BYTES / 8 + 24;
/** After so many misses a place has to have been passed three times as often. */
const TRIAL = 1024;
/** Longer chains do not pay. */
const MAX_CHAIN = 16;

export class PhraseCache {
  text = new Float64Array(FIRST_STORE_WORDS);
  /** The same memory. */
  words = new Int32Array(this.text.buffer);
  readonly places = new Int32Array(WORDS * MAX_PLACES);
  readonly edgeWords = new Int32Array(WORDS * MAX_EDGES);
  /** The phrase last found, by a hash of the place and the thread, or of the thread and its event before. */
  readonly guesses = new Int32Array(1 << (32 - GUESS_SHIFT));
  /** Edges by number; 0 is none. */
  readonly edges: (Edge | undefined)[] = [undefined];
  private readonly buckets = new Int32Array(BUCKETS);
  private top = 0;
  private readonly edgeNumbers = new Map<Edge, number>();
  private placeCount = 1;
  private placeIds = 0;

  constructor() {
    this.forget();
  }

  /** The phrase at `at`, by its first bytes. `view` must be readable for 48. */
  search(place: number, thread: number, view: DataView, at: number): number {
    const { words } = this;
    let phrase = this.buckets[this.bucketOf(place, thread, view, at)]!;
    const id = this.places[place + PlaceWord.id];
    for (; phrase !== 0; phrase = words[2 * phrase + Phrase.older]!) {
      if (words[2 * phrase + Phrase.place] === id && this.stands(phrase, view, at)) return phrase;
    }
    return 0;
  }

  /** Whether a phrase stands at `at`. Eight bytes at a time as doubles: exact for text, which is never a NaN's or a negative zero's bytes. */
  stands(phrase: number, view: DataView, at: number): boolean {
    const { text, words } = this;
    let word = words[2 * phrase + Phrase.text]!;
    const length = words[2 * phrase + Phrase.length]!;
    if (length < 8) return standsShort(words, 2 * word, view, at);
    const last = word + words[2 * phrase + Phrase.words]! - 1;
    const lastAt = at + length - 8;
    for (; word < last; word++, at += 8) if (text[word] !== view.getFloat64(at, true)) return false;
    return text[last] === view.getFloat64(lastAt, true);
  }

  /**
   * Keeps bytes [from, end), which have filled the columns `fills` of the batch's next row and which end with
   * the literal of `next`. `kind`: of its event, and for one unknown the number of its name added. `thread`: the
   * phrase before the line's event, 0 if there is none. `passed`: lines so far that came by this place. Gives 0
   * where it does not keep it.
   */
  add(
    place: Place,
    source: { bytes: Buffer; view: DataView; from: number; end: number },
    fills: number,
    kind: number,
    next: Edge,
    batch: EventBatch,
    thread: number,
    passed: number,
  ): number {
    const { bytes, view, from, end } = source;
    const length = end - from;
    if (place.stage === 2 || length > MAX_BYTES || !isText(bytes, from, end)) return 0;
    const number = this.numberOf(place);
    const edge = this.edgeNumber(next);
    if (number === 0 || edge === 0) return 0;
    const known = this.search(number, thread, view, from);
    if (known !== 0) return known;
    if (++place.misses >= TRIAL && !this.pays(place, passed)) return 0;
    const hashed = Math.min(MAX_HASHED, 2 * Math.floor(length / 8));
    if (hashed < this.places[number + PlaceWord.hashed]!) {
      this.places[number + PlaceWord.hashed] = hashed;
      this.renew(number);
    }
    this.makeRoom();
    const phrase = this.top;
    const text = Math.ceil(this.writeValues(2 * phrase + Phrase.values, fills, kind, batch) / 2);
    this.top = text + this.writeText(text, view, from, length);
    const bucket = this.bucketOf(number, thread, view, from);
    const older = this.olderOf(bucket, number);
    const id = this.places[number + PlaceWord.id]!;
    this.words.set([text, this.top - text, length, id, older, fills, edge, 0], 2 * phrase);
    this.buckets[bucket] = phrase;
    return phrase;
  }

  private makeRoom(): void {
    if (this.top + RECORD_WORDS <= this.text.length) return;
    if (this.text.length === STORE_WORDS) {
      this.forget();
      return;
    }
    const wider = new Float64Array(2 * this.text.length);
    // As integers: a copy of doubles may change the bits of a NaN.
    new Int32Array(wider.buffer).set(this.words);
    this.text = wider;
    this.words = new Int32Array(wider.buffer);
  }

  /** Gives how many 64-bit words it takes. */
  private writeText(text: number, view: DataView, from: number, length: number): number {
    if (length < 8) {
      const masks = [maskOf(length), maskOf(length - 4)] as const;
      const pair = [view.getInt32(from, true) & masks[0], view.getInt32(from + 4, true) & masks[1]] as const;
      this.words.set([pair[0], masks[0], pair[1], masks[1]], 2 * text);
      return 2;
    }
    let word = text;
    for (let at = from; at + 8 < from + length; at += 8) this.text[word++] = view.getFloat64(at, true);
    this.text[word++] = view.getFloat64(from + length - 8, true);
    return word - text;
  }

  private numberOf(place: Place): number {
    if (place.number === 0 && this.placeCount < MAX_PLACES) {
      place.number = WORDS * this.placeCount++;
      this.places[place.number + PlaceWord.hashed] = MAX_HASHED;
      this.renew(place.number);
    }
    return place.number;
  }

  private renew(place: number): void {
    this.places[place + PlaceWord.id] = ++this.placeIds;
  }

  private edgeNumber(edge: Edge): number {
    let number = this.edgeNumbers.get(edge);
    if (number === undefined) {
      if (this.edges.length === MAX_EDGES) return 0;
      number = WORDS * (this.edges.push(edge) - 1);
      this.edgeNumbers.set(edge, number);
      const { role } = edge;
      const hot =
        role === END
          ? Next.end
          : role === Role.event
            ? Next.event
            : role === DEFERRED
              ? Next.deferred
              : edge.hot;
      const words = [hot, edge.mask, this.numberOf(edge.next.place), this.numberOf(edge.place)];
      this.edgeWords.set(words, number);
    }
    return number;
  }

  /** The head of the bucket's chain, cut where it is too long. */
  private olderOf(bucket: number, place: number): number {
    let length = 0;
    for (let phrase = this.buckets[bucket]!; phrase !== 0; phrase = this.words[2 * phrase + Phrase.older]!) {
      length++;
    }
    if (length < MAX_CHAIN) return this.buckets[bucket]!;
    // Many phrases that begin alike, most often because each thread has its own.
    if (this.places[place + PlaceWord.usesThread] === 0) {
      this.places[place + PlaceWord.usesThread] = 1;
      this.renew(place);
    }
    return 0;
  }

  /** In the order of fillRest(). */
  private writeValues(at: number, fills: number, kind: number, batch: EventBatch): number {
    const row = batch.count;
    const { words } = this;
    const isEvent = (fills & Fills.kind) !== 0;
    if (isEvent) words[at++] = kind;
    if (isEvent || (fills & Fills.pgt) !== 0) words[at++] = batch.pgt[row]!;
    if (isEvent || (fills & Fills.ret) !== 0) words[at++] = batch.ret[row]!;
    if (isEvent || (fills & Fills.prot) !== 0) words[at++] = batch.prot[row]!;
    if (isEvent || (fills & Fills.level) !== 0) words[at++] = batch.level[row]!;
    if ((fills & Fills.cpu) !== 0) words[at++] = batch.cpu[row]!;
    if ((fills & Fills.pid) !== 0) words[at++] = batch.pid[row]!;
    if ((fills & Fills.comm) !== 0) words[at++] = batch.comm[row]!;
    if ((fills & Fills.vm) !== 0) words[at++] = batch.vm[row]!;
    if ((fills & Fills.vcpu) !== 0) words[at++] = batch.vcpu[row]!;
    if ((fills & Fills.tgid) !== 0) words[at++] = batch.tgid[row]!;
    if ((fills & Fills.size) !== 0) {
      words[at++] = batch.size[row]! % 2 ** 32;
      words[at++] = batch.size[row]! / 2 ** 32;
    }
    if ((fills & Fills.esr) !== 0) words[at++] = batch.esr[row]!;
    if ((fills & Fills.slot) !== 0) words[at++] = batch.slot[row]!;
    if ((fills & Fills.text) !== 0) words[at++] = batch.text[row]!;
    if ((fills & Fills.phase) !== 0) words[at++] = batch.phase[row]!;
    if ((fills & Fills.write) !== 0) words[at++] = batch.write[row]!;
    return at;
  }

  /** Puts the values at `at`, those of `fills`, into the batch's next row. */
  fillRest(at: number, fills: number, batch: EventBatch, pool: BatchPool): void {
    const { words } = this;
    const row = batch.count;
    if ((fills & Fills.pgt) !== 0) batch.pgt[row] = words[at++]!;
    if ((fills & Fills.ret) !== 0) batch.ret[row] = words[at++]!;
    if ((fills & Fills.prot) !== 0) batch.prot[row] = words[at++]!;
    if ((fills & Fills.level) !== 0) batch.level[row] = words[at++]!;
    if ((fills & Fills.cpu) !== 0) batch.cpu[row] = words[at++]!;
    if ((fills & Fills.pid) !== 0) batch.pid[row] = words[at++]!;
    if ((fills & Fills.comm) !== 0) batch.comm[row] = words[at++]!;
    if ((fills & Fills.vm) !== 0) pool.ownVm(batch)[row] = words[at++]!;
    if ((fills & Fills.vcpu) !== 0) pool.ownVcpu(batch)[row] = words[at++]!;
    if ((fills & Fills.tgid) !== 0) pool.ownTgid(batch)[row] = words[at++]!;
    if ((fills & Fills.size) !== 0) {
      batch.size[row] = (words[at]! >>> 0) + words[at + 1]! * 2 ** 32;
      at += 2;
    }
    if ((fills & Fills.esr) !== 0) batch.esr[row] = words[at++]!;
    if ((fills & Fills.slot) !== 0) pool.own(batch, "slot")[row] = words[at++]!;
    if ((fills & Fills.text) !== 0) pool.own(batch, "text")[row] = words[at++]!;
    if ((fills & Fills.phase) !== 0) pool.own(batch, "phase")[row] = words[at++]!;
    if ((fills & Fills.write) !== 0) pool.own(batch, "write")[row] = words[at++]!;
  }

  /** After many misses: false if most lines that passed since the last time missed too. */
  private pays(place: Place, passed: number): boolean {
    const pays = passed - place.judgedAt >= 3 * TRIAL;
    place.judgedAt = passed;
    place.misses = 0;
    if (!pays) {
      place.stage++;
      this.renew(place.number);
    }
    return pays;
  }

  private forget(): void {
    this.buckets.fill(0);
    this.guesses.fill(0);
    // The record that stands for none: of no place.
    this.words.fill(0, 0, 2 * (Phrase.values + 1));
    this.top = Phrase.values + 1;
  }

  private bucketOf(place: number, thread: number, view: DataView, at: number): number {
    // Two sums, so that the multiplications need not wait for each other.
    let even = this.places[place + PlaceWord.id]!;
    let odd = this.places[place + PlaceWord.usesThread] === 0 ? 0 : thread;
    const end = at + 4 * this.places[place + PlaceWord.hashed]!;
    for (let word = at; word < end; word += 8) {
      even = Math.imul(even ^ view.getInt32(word, true), 0x2c1b3c6d);
      odd = Math.imul(odd ^ view.getInt32(word + 4, true), 0x297a2d39);
    }
    const hash = even ^ odd;
    return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
  }
}

/** Whether a phrase of less than eight bytes stands at `at`. */
export function standsShort(words: Int32Array, text: number, view: DataView, at: number): boolean {
  return (
    (view.getInt32(at, true) & words[text + 1]!) === words[text] &&
    (view.getInt32(at + 4, true) & words[text + 3]!) === words[text + 2]
  );
}

function isText(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] === 0 || bytes[at]! >= 0x7f) return false;
  return true;
}
