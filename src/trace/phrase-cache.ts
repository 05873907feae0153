/**
 * Runs of text that lines repeat: `,"cpu":3,"pid":4003,"comm":"CPU 3/KVM","event":"` is the same for every
 * line of a thread. Once the templates have read such a run, its bytes and what they put into the row are
 * kept, and the next line that has it is compared eight bytes at a time instead of being read field by
 * field. What a run means depends only on where in the template tree it begins, so this is a pure shortcut.
 *
 * A phrase is a record in one array, because the time goes into cache misses: a head, the values that it
 * fills, its text. It is named by the record's index; 0 is none.
 */

import type { BatchPool } from "./batch-rows.js";
import type { EventBatch } from "./event.js";
import { Fills, MAX_HASH_WORDS, type Place } from "./place.js";
import type { Edge } from "./template.js";

/** A record's head, in 32-bit words; values follow. */
const TEXT = 0; // where the text begins, in 64-bit words
const WORDS = 1; // of text; the last ends with the phrase and may overlap the one before
const LENGTH = 2;
const PLACE = 3;
const OLDER = 4; // the phrase before in the same bucket
const FILLS = 5;
const NEXT = 6; // the edge that follows: its literal ends the phrase, its value comes next
const TAIL = 7; // of a thread's phrase: the event's phrase that last followed
const SUCCESSOR = 8; // of an event's phrase: the one after it on the same thread
const HEAD_WORDS = 9;

const THREAD = Fills.cpu | Fills.pid | Fills.comm;
/** An event's phrase always says these: nothing before the event's name can have filled them. */
const EVENT = Fills.kind | Fills.pgt | Fills.ret | Fills.prot | Fills.level;
const OWNER = Fills.vm | Fills.vcpu;

const MIN_BYTES = 8;
const MAX_BYTES = 512;
const BUCKETS = 1 << 12;
/** Some 10,000 phrases. When it is full all are forgotten, and those still in use are soon back. */
const STORE_BYTES = 1 << 21;
/** After so many misses a place has to have been passed three times as often. */
const TRIAL = 8192;
/** Longer chains do not pay. */
const MAX_CHAIN = 16;

export class PhraseCache {
  readonly #text = new Float64Array(STORE_BYTES / 8);
  readonly #words = new Int32Array(this.#text.buffer);
  readonly #buckets = new Int32Array(BUCKETS);
  /** Where the next record goes, in 64-bit words. */
  #top = 1;
  readonly #edges: Edge[] = [];
  readonly #edgeNumbers = new Map<Edge, number>();
  readonly #places: Place[] = [];
  #placeIds = 0;

  /** Behind a phrase's text. */
  end(phrase: number, at: number): number {
    return at + this.#words[2 * phrase + LENGTH]!;
  }

  next(phrase: number): Edge {
    return this.#edges[this.#words[2 * phrase + NEXT]!]!;
  }

  /**
   * The phrase at `at`, most often the one that stood here before. `thread`: the phrase before the line's event,
   * 0 if there is none. `view` must be readable for 32 bytes.
   */
  find(place: Place, thread: number, view: DataView, at: number): number {
    const { last } = place;
    if (last !== 0 && this.#stands(last, view, at)) return last;
    const found = this.#search(place, thread, view, at);
    place.last = found;
    return found;
  }

  /** find() for an event, which most often follows the one that it followed before on the same thread. */
  findEvent(place: Place, thread: number, view: DataView, at: number): number {
    if (thread === 0) return this.find(place, 0, view, at);
    const words = this.#words;
    const tail = words[2 * thread + TAIL]!;
    const guess = words[2 * tail + SUCCESSOR]!;
    if (guess !== 0 && this.#stands(guess, view, at)) {
      words[2 * thread + TAIL] = guess;
      return guess;
    }
    const found = this.#search(place, thread, view, at);
    if (tail !== 0) words[2 * tail + SUCCESSOR] = found;
    words[2 * thread + TAIL] = found;
    return found;
  }

  #search(place: Place, thread: number, view: DataView, at: number): number {
    const words = this.#words;
    let phrase = this.#buckets[bucketOf(place, thread, view, at)]!;
    for (; phrase !== 0; phrase = words[2 * phrase + OLDER]!) {
      if (words[2 * phrase + PLACE] === place.id && this.#stands(phrase, view, at)) return phrase;
    }
    return 0;
  }

  /** As doubles: exact for text, whose bytes are never those of a NaN or a negative zero. */
  #stands(phrase: number, view: DataView, at: number): boolean {
    const text = this.#text;
    let word = this.#words[2 * phrase + TEXT]!;
    const last = word + this.#words[2 * phrase + WORDS]! - 1;
    const lastAt = at + this.#words[2 * phrase + LENGTH]! - 8;
    // Four words a round: what V8 has to check again in each round costs more than the comparison.
    for (; word + 4 <= last; word += 4, at += 32) {
      if (
        text[word] !== view.getFloat64(at, true) ||
        text[word + 1] !== view.getFloat64(at + 8, true) ||
        text[word + 2] !== view.getFloat64(at + 16, true) ||
        text[word + 3] !== view.getFloat64(at + 24, true)
      )
        return false;
    }
    for (; word < last; word++, at += 8) {
      if (text[word] !== view.getFloat64(at, true)) return false;
    }
    return text[last] === view.getFloat64(lastAt, true);
  }

  /**
   * Keeps bytes [from, end), which have filled the columns `fills` of the batch's next row and which end with
   * the literal of `next`. `thread` as in find(). `lines`: read so far. Gives 0 where it does not.
   */
  add(
    place: Place,
    source: { bytes: Buffer; view: DataView },
    from: number,
    end: number,
    fills: number,
    next: Edge,
    batch: EventBatch,
    thread: number,
    lines: number,
  ): number {
    const length = end - from;
    const { bytes, view } = source;
    if (length < MIN_BYTES || length > MAX_BYTES || !isText(bytes, from, end)) return 0;
    const known = place.id === 0 ? 0 : this.#search(place, thread, view, from);
    if (known !== 0) return known;
    if (++place.misses >= TRIAL) this.#judge(place, lines);
    if (place.stage === 2) return 0;
    const hashed = Math.min(MAX_HASH_WORDS, 2 * Math.floor(length / 8));
    if (place.id === 0) this.#places.push(place);
    if (place.id === 0 || hashed < place.hashWords) {
      place.hashWords = hashed;
      place.id = ++this.#placeIds;
    }
    if (this.#top + MAX_BYTES / 8 + HEAD_WORDS + 16 > this.#text.length) this.#forget();
    const phrase = this.#top;
    const valuesEnd = this.#writeValues(2 * phrase + HEAD_WORDS, fills, batch);
    const text = Math.ceil(valuesEnd / 2);
    let word = text;
    for (let at = from; at + 8 < end; at += 8) this.#text[word++] = view.getFloat64(at, true);
    this.#text[word++] = view.getFloat64(end - 8, true);
    this.#top = word;
    const bucket = bucketOf(place, thread, view, from);
    const head = [
      text,
      word - text,
      length,
      place.id,
      this.#olderOf(bucket, place),
      fills,
      this.#edgeNumber(next),
      0,
      0,
    ];
    this.#words.set(head, 2 * phrase);
    this.#buckets[bucket] = phrase;
    return phrase;
  }

  /** The head of the bucket's chain, cut where it is too long. */
  #olderOf(bucket: number, place: Place): number {
    let length = 0;
    for (let phrase = this.#buckets[bucket]!; phrase !== 0; phrase = this.#words[2 * phrase + OLDER]!)
      length++;
    if (length < MAX_CHAIN) return this.#buckets[bucket]!;
    // Many phrases that begin alike, most often because each thread has its own.
    if (!place.usesThread) {
      place.usesThread = true;
      place.id = ++this.#placeIds;
    }
    return 0;
  }

  #edgeNumber(edge: Edge): number {
    let number = this.#edgeNumbers.get(edge);
    if (number === undefined) {
      number = this.#edges.push(edge) - 1;
      this.#edgeNumbers.set(edge, number);
    }
    return number;
  }

  /** In the order of fillRow. */
  #writeValues(at: number, fills: number, batch: EventBatch): number {
    const row = batch.count;
    const words = this.#words;
    const isEvent = (fills & Fills.kind) !== 0;
    if ((fills & Fills.cpu) !== 0) words[at++] = batch.cpu[row]!;
    if ((fills & Fills.pid) !== 0) words[at++] = batch.pid[row]!;
    if ((fills & Fills.comm) !== 0) words[at++] = batch.comm[row]!;
    if (isEvent) words[at++] = batch.kind[row]!;
    if (isEvent || (fills & Fills.pgt) !== 0) words[at++] = batch.pgt[row]!;
    if (isEvent || (fills & Fills.ret) !== 0) words[at++] = batch.ret[row]!;
    if (isEvent || (fills & Fills.prot) !== 0) words[at++] = batch.prot[row]!;
    if (isEvent || (fills & Fills.level) !== 0) words[at++] = batch.level[row]!;
    if ((fills & Fills.vm) !== 0) words[at++] = batch.vm[row]!;
    if ((fills & Fills.vcpu) !== 0) words[at++] = batch.vcpu[row]!;
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

  /** Puts what a phrase says into the batch's next row. The two common sorts go without a test a column. */
  fillRow(phrase: number, batch: EventBatch, pool: BatchPool): void {
    const words = this.#words;
    const row = batch.count;
    const fills = words[2 * phrase + FILLS]!;
    const at = 2 * phrase + HEAD_WORDS;
    if (fills === THREAD) {
      batch.cpu[row] = words[at]!;
      batch.pid[row] = words[at + 1]!;
      batch.comm[row] = words[at + 2]!;
    } else if ((fills & (Fills.kind | THREAD)) === Fills.kind) {
      batch.kind[row] = words[at]!;
      batch.pgt[row] = words[at + 1]!;
      batch.ret[row] = words[at + 2]!;
      batch.prot[row] = words[at + 3]!;
      batch.level[row] = words[at + 4]!;
      const rest = fills & ~EVENT;
      if (rest === OWNER) {
        pool.ownVm(batch)[row] = words[at + 5]!;
        pool.ownVcpu(batch)[row] = words[at + 6]!;
      } else if (rest !== 0) this.#fillRest(at + 5, rest, batch, pool);
    } else this.#fillRest(at, fills, batch, pool);
  }

  #fillRest(at: number, fills: number, batch: EventBatch, pool: BatchPool): void {
    const words = this.#words;
    const row = batch.count;
    const isEvent = (fills & Fills.kind) !== 0;
    if ((fills & Fills.cpu) !== 0) batch.cpu[row] = words[at++]!;
    if ((fills & Fills.pid) !== 0) batch.pid[row] = words[at++]!;
    if ((fills & Fills.comm) !== 0) batch.comm[row] = words[at++]!;
    if (isEvent) batch.kind[row] = words[at++]!;
    if (isEvent || (fills & Fills.pgt) !== 0) batch.pgt[row] = words[at++]!;
    if (isEvent || (fills & Fills.ret) !== 0) batch.ret[row] = words[at++]!;
    if (isEvent || (fills & Fills.prot) !== 0) batch.prot[row] = words[at++]!;
    if (isEvent || (fills & Fills.level) !== 0) batch.level[row] = words[at++]!;
    if ((fills & Fills.vm) !== 0) pool.ownVm(batch)[row] = words[at++]!;
    if ((fills & Fills.vcpu) !== 0) pool.ownVcpu(batch)[row] = words[at++]!;
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

  /** After many misses: did most lines since the last time miss too? */
  #judge(place: Place, lines: number): void {
    if (lines - place.judgedAt < 3 * TRIAL) {
      place.stage++;
      place.id = place.stage === 2 ? 0 : ++this.#placeIds;
      place.last = 0;
    }
    place.judgedAt = lines;
    place.misses = 0;
  }

  #forget(): void {
    this.#buckets.fill(0);
    for (const place of this.#places) place.last = 0;
    this.#top = 1;
  }
}

function bucketOf(place: Place, thread: number, view: DataView, at: number): number {
  // Two sums, so that the multiplications need not wait for each other.
  let even = place.id;
  let odd = place.usesThread ? thread : 0;
  const end = at + 4 * place.hashWords;
  for (let word = at; word < end; word += 8) {
    even = Math.imul(even ^ view.getInt32(word, true), 0x2c1b3c6d);
    odd = Math.imul(odd ^ view.getInt32(word + 4, true), 0x297a2d39);
  }
  const hash = even ^ odd;
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

function isText(bytes: Buffer, from: number, end: number): boolean {
  for (let at = from; at < end; at++) if (bytes[at] === 0 || bytes[at]! >= 0x7f) return false;
  return true;
}
