/**
 * The fastest path: a line made of phrases known (phrase-cache.ts) and of values that never repeat (times,
 * addresses). One function on purpose: a call, or a word that V8 has to look at twice, shows at ten million
 * lines a second.
 */

import type { BatchPool } from "../batch-rows.js";
import type { EventBatch } from "../event.js";
import { UNKNOWN_KIND } from "./fields.js";
import {
  EdgeWord,
  EVENT,
  EVENT_VALUES,
  GUESS_SHIFT,
  Next,
  OWNER,
  Phrase,
  type PhraseCache,
  PlaceWord,
  standsShort,
  THREAD,
  THREAD_VALUES,
} from "./phrase-cache.js";
import { Hot, type TemplateNode } from "./template.js";
import type { ValueReader } from "./value-reader.js";

export class PhraseMatch {
  /** Of an event that the format does not know, the number of its name; the caller sets it to 0 again. */
  unknown = 0;

  // How lines usually begin, `{"ts":`, and the place behind the time; nothing as yet.
  private start0 = 1;
  private start1 = 0;
  private startMask0 = 0;
  private startMask1 = 0;
  private startLength = 0;
  private startPlace = 0;

  constructor(
    readonly phrases: PhraseCache,
    readonly values: ValueReader,
    readonly pool: BatchPool,
  ) {}

  /**
   * Reads the line at `from` into the batch's next row. `root`: where lines begin in the template tree. Gives where the next line begins; -1 to decline, with the row spoilt.
   */
  match(root: TemplateNode, from: number, view: DataView, batch: EventBatch): number {
    const { phrases, values, pool } = this;
    const { numbers } = values;
    const { text, words, places, edgeWords, guesses } = phrases;
    const row = batch.count;
    let at = from;
    let place = root.place.number;
    const isUsual =
      (view.getInt32(from, true) & this.startMask0) === this.start0 &&
      (view.getInt32(from + 4, true) & this.startMask1) === this.start1;
    if (isUsual) {
      at = values.time(numbers.seconds(from + this.startLength, false), batch, row);
      place = this.startPlace;
    } else if (place === 0) return -1;
    let thread = 0;
    let isEvent = false;
    while (at >= 0) {
      // What stands here is most often what stood here before on this thread; and an event most often follows
      // the one that it followed before.
      const before = isEvent ? words[2 * thread + Phrase.tail]! : place;
      const slot = (Math.imul(before, 0x9e37_79b1) ^ Math.imul(thread, 0x85eb_ca6b)) >>> GUESS_SHIFT;
      let phrase = guesses[slot]!;
      let word = words[2 * phrase + Phrase.text]!;
      let length = words[2 * phrase + Phrase.length]!;
      let stands = words[2 * phrase + Phrase.place] === places[place + PlaceWord.id];
      if (length < 8) stands = stands && standsShort(words, 2 * word, view, at);
      else {
        const last = word + words[2 * phrase + Phrase.words]! - 1;
        for (let start = at; word < last && text[word] === view.getFloat64(start, true); start += 8) word++;
        stands = stands && word === last && text[last] === view.getFloat64(at + length - 8, true);
      }
      if (!stands) {
        phrase = phrases.search(place, thread, view, at);
        if (phrase === 0) return -1;
        length = words[2 * phrase + Phrase.length]!;
        guesses[slot] = phrase;
      }
      at += length;

      const fills = words[2 * phrase + Phrase.fills]!;
      const value = 2 * phrase + Phrase.values;
      if (isEvent) {
        words[2 * thread + Phrase.tail] = phrase;
        const kind = words[value]!;
        if (kind > UNKNOWN_KIND) this.unknown = kind - UNKNOWN_KIND;
        batch.kind[row] = kind;
        batch.pgt[row] = words[value + 1]!;
        batch.ret[row] = words[value + 2]!;
        batch.prot[row] = words[value + 3]!;
        batch.level[row] = words[value + 4]!;
        const rest = fills & ~EVENT;
        if (rest !== 0) phrases.fillRest(value + EVENT_VALUES, rest, batch, pool);
      } else if ((fills & (THREAD | EVENT)) === THREAD) {
        batch.cpu[row] = words[value]!;
        batch.pid[row] = words[value + 1]!;
        batch.comm[row] = words[value + 2]!;
        const rest = fills & ~THREAD;
        if (rest === OWNER) {
          pool.ownVm(batch)[row] = words[value + THREAD_VALUES]!;
          pool.ownVcpu(batch)[row] = words[value + THREAD_VALUES + 1]!;
          pool.ownTgid(batch)[row] = words[value + THREAD_VALUES + 2]!;
        } else if (rest !== 0) phrases.fillRest(value + THREAD_VALUES, rest, batch, pool);
      } else if (fills !== 0) phrases.fillRest(value, fills, batch, pool);

      const edge = words[2 * phrase + Phrase.next]!;
      const hot = edgeWords[edge + EdgeWord.hot]!;
      if (hot === Next.end) return at;
      if (hot === Next.event) {
        thread = phrase;
        isEvent = true;
        place = edgeWords[edge + EdgeWord.event]!;
        continue;
      }
      isEvent = false;
      place = edgeWords[edge + EdgeWord.place]!;
      if (hot === Hot.seconds) {
        if (at - length === from && length < 8) this.remember(phrase, place);
        at = values.time(numbers.seconds(at, false), batch, row);
      } else if (hot === Hot.addr) {
        at = numbers.hex52(at);
        if ((numbers.low & edgeWords[edge + EdgeWord.mask]!) !== 0) return -1;
        batch.addr[row] = numbers.value[0]!;
      } else if (hot === Hot.opaque) {
        at = numbers.hex64(at);
      } else if (hot === Hot.far) {
        at = numbers.hex64(at);
        batch.farLow[row] = numbers.low;
        batch.farHigh[row] = numbers.high;
      } else if (hot === Hot.phys) {
        at = numbers.hex52(at);
        batch.phys[row] = numbers.value[0]!;
      } else if (hot === Hot.size) {
        at = numbers.hex52(at);
        if ((numbers.low & edgeWords[edge + EdgeWord.mask]!) !== 0) return -1;
        batch.size[row] = numbers.value[0]!;
      } else if (hot === Next.deferred) {
        return -1;
      } else {
        const generic = phrases.edges[edge >> 2]!;
        at = values.apply(generic.role, generic.form, generic, at, batch);
      }
    }
    return -1;
  }

  private remember(phrase: number, place: number): void {
    const { words } = this.phrases;
    const text = 2 * words[2 * phrase + Phrase.text]!;
    this.start0 = words[text]!;
    this.startMask0 = words[text + 1]!;
    this.start1 = words[text + 2]!;
    this.startMask1 = words[text + 3]!;
    this.startLength = words[2 * phrase + Phrase.length]!;
    this.startPlace = place;
  }
}
