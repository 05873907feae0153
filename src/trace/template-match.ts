/**
 * The fast path: a line compared with the templates learnt, its values written straight into the batch.
 * It builds no string and no object. It only accepts; whatever it is not sure of it leaves to the slow path.
 */

import type { EventBatch } from "./event.js";
import { Role } from "./fields.js";
import { PhraseCache } from "./phrase-cache.js";
import { Fills } from "./place.js";
import type { LineContext, SlowLine } from "./slow-line.js";
import {
  type Branch,
  DEFERRED,
  Edge,
  END,
  Form,
  Hot,
  MAX_DEFERRED,
  type TemplateNode,
  TemplateTree,
} from "./template.js";
import { ValueReader } from "./value-reader.js";

const QUOTE = 0x22;

export class TemplateMatch {
  /** After a match: the name, where the format does not know the event (its row is to be cleared). */
  unknownName: string | undefined;

  readonly #tree: TemplateTree;
  readonly #phrases = new PhraseCache();
  readonly #values: ValueReader;
  readonly #deferredFrom = new Int32Array(MAX_DEFERRED);
  readonly #deferredEnd = new Int32Array(MAX_DEFERRED);
  /** Stands for the edge of a deferred field, of which only the last spelling is ever looked at. */
  readonly #deferredEdge = new Edge(Buffer.alloc(4), Role.skip, Form.any, 0, 0);
  #deferred = 0;
  #lines = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  #source = { bytes: this.#bytes, view: this.#view };

  constructor(readonly context: LineContext) {
    this.#values = new ValueReader(context);
    this.#tree = new TemplateTree(context.granule - 1);
  }

  /** The buffer to match in. Its lines end in newlines, the last at `end`; it is readable for 32 bytes more. */
  use(bytes: Buffer, view: DataView, end: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#source = { bytes, view };
    this.#values.use(bytes, view, end);
  }

  learn(line: SlowLine, bytes: Buffer, from: number, newline: number): void {
    this.#tree.learn(line, bytes, from, newline);
  }

  /**
   * Reads the line at `from` into the batch's next row, which must hold absent values. Gives where the next
   * line begins; -1 if no template fits, with the row spoilt.
   */
  match(from: number, batch: EventBatch): number {
    this.unknownName = undefined;
    this.#lines++;
    const view = this.#view;
    const phrases = this.#phrases;
    const { pool } = this.context;
    let node = this.#tree.root;
    let at = from;
    let thread = 0;
    for (;;) {
      let edge: Edge | undefined;
      if (node.place.id !== 0) {
        let phrase = phrases.find(node.place, thread, view, at);
        if (phrase === 0) return this.#walk(from, batch);
        phrases.fillRow(phrase, batch, pool);
        at = phrases.end(phrase, at);
        edge = phrases.next(phrase);
        if (edge.role === Role.event) {
          thread = phrase;
          phrase = phrases.findEvent(edge.place, thread, view, at);
          if (phrase === 0) return this.#walk(from, batch);
          phrases.fillRow(phrase, batch, pool);
          at = phrases.end(phrase, at);
          edge = phrases.next(phrase);
        }
      } else {
        edge = edgeAt(node, view, at);
        if (edge === undefined || edge.isSteady || edge.role === Role.event) return this.#walk(from, batch);
        at += edge.length;
      }
      if (edge.role === END) return at;
      at = this.#value(edge, at, batch);
      if (at < 0) return -1;
      node = edge.next;
    }
  }

  /** match() field by field, keeping the phrases that it meets. */
  #walk(from: number, batch: EventBatch): number {
    if (!this.context.time.isSet) return -1;
    this.#deferred = 0;
    const view = this.#view;
    let node = this.#tree.root;
    let at = from;
    // The phrase being read: where it began (-1: none), and what it has filled so far.
    let begin = -1;
    let place = node.place;
    let fills = 0;
    let isSteady = false;
    let thread = 0;
    for (;;) {
      if (begin < 0) {
        place = node.place;
        begin = at;
        fills = 0;
        isSteady = false;
      }
      const edge = edgeAt(node, view, at);
      if (edge === undefined) return -1;
      at += edge.length;
      if (edge.isSteady || (edge.isMostlySteady && place.stage === 0)) {
        at = this.#value(edge, at, batch);
        if (at < 0) return -1;
        fills |= edge.fills;
        isSteady = true;
        node = edge.next;
        continue;
      }
      if (isSteady && place.stage < 2) {
        const kept = this.#phrases.add(
          place,
          this.#source,
          begin,
          at,
          fills,
          edge,
          batch,
          thread,
          this.#lines,
        );
        if (edge.role === Role.event) thread = kept;
      }
      begin = -1;
      if (edge.role === END) return at;
      if (edge.role === Role.event) {
        const branch = this.#branch(edge, at, batch);
        if (branch === undefined) return -1;
        // No phrase can hold the name of an unknown event, nor what was read before the event was known.
        if (this.#deferred === 0 && branch.unknownName === undefined) {
          place = edge.place;
          begin = at;
          fills = Fills.kind;
          isSteady = true;
        }
        at = this.#values.entryEnd;
        node = branch.next;
        continue;
      }
      at = edge.role === DEFERRED ? this.#defer(edge.form, at) : this.#value(edge, at, batch);
      if (at < 0) return -1;
      node = edge.next;
    }
  }

  /** Reads one value to where it belongs. Gives where it ends, -1 to decline. */
  #value(edge: Edge, at: number, batch: EventBatch): number {
    const values = this.#values;
    const { numbers } = values;
    const row = batch.count;
    // The commonest values, so not left to the long switch in apply().
    switch (edge.hot) {
      case Hot.seconds:
        return values.time(numbers.seconds(at, false), batch, row);
      case Hot.addr:
        at = numbers.hex52(at);
        batch.addr[row] = numbers.value[0]!;
        return (numbers.low & edge.mask) === 0 ? at : -1;
      case Hot.size:
        at = numbers.hex52(at);
        batch.size[row] = numbers.value[0]!;
        return (numbers.low & edge.mask) === 0 ? at : -1;
      case Hot.phys:
        at = numbers.hex52(at);
        batch.phys[row] = numbers.value[0]!;
        return at;
      case Hot.far:
        at = numbers.hex64(at);
        batch.farLow[row] = numbers.low;
        batch.farHigh[row] = numbers.high;
        return at;
      case Hot.opaque:
        return numbers.hex64(at);
      default:
        return values.apply(edge.role, edge.form, edge, at, batch);
    }
  }

  /** Reads an event's name; `entryEnd` is left behind it. Undefined if no line with it was learnt. */
  #branch(edge: Edge, at: number, batch: EventBatch): Branch | undefined {
    const { events } = this.#tree;
    const values = this.#values;
    const entry = values.entry(events, edge, at);
    const branch = entry < 0 ? undefined : edge.branches[events.number(entry)];
    if (branch === undefined) return undefined;
    const end = values.entryEnd;
    batch.kind[batch.count] = branch.kind;
    this.unknownName = branch.unknownName;
    if (this.#deferred > 0 && !this.#applyDeferred(branch, batch)) return undefined;
    values.entryEnd = end;
    return branch;
  }

  #defer(form: number, at: number): number {
    const end = this.#values.skip(form, at);
    this.#deferredFrom[this.#deferred] = at;
    this.#deferredEnd[this.#deferred++] = end;
    return end;
  }

  /** Fields that stood before the event: only now is it known what they mean. */
  #applyDeferred(branch: Branch, batch: EventBatch): boolean {
    const edge = this.#deferredEdge;
    const values = this.#values;
    for (let index = 0; index < branch.deferredRoles.length; index++) {
      const role = branch.deferredRoles[index]!;
      if (role === Role.skip) continue;
      edge.lastEntry = -1;
      const from = this.#deferredFrom[index]!;
      const end = this.#deferredEnd[index]!;
      const isText = this.#bytes[from - 1] === QUOTE;
      const isHex = isText && role !== Role.pointer && role !== Role.text && role !== Role.reason;
      let at: number;
      if (isHex) {
        if (this.#bytes[from] !== 0x30 || (this.#bytes[from + 1]! | 0x20) !== 0x78) return false;
        at = values.apply(role, Form.hex, edge, from + 2, batch) + 1;
      } else at = values.apply(role, isText ? Form.text : Form.number, edge, from, batch);
      if (at !== end) return false;
    }
    return true;
  }
}

function edgeAt(node: TemplateNode, view: DataView, at: number): Edge | undefined {
  const { edges } = node;
  for (let index = 0; index < edges.length; index++) {
    const edge = edges[index]!;
    if (stands(edge, view, at)) return edge;
  }
  return undefined;
}

/**
 * Whether the edge's literal stands at `at`. A literal holds no newline before its end, so no word of a line
 * is read beyond its own.
 */
function stands(edge: Edge, view: DataView, at: number): boolean {
  if (((view.getInt32(at, true) ^ edge.word0) & edge.mask0) !== 0) return false;
  if (edge.length <= 4) return true;
  if (((view.getInt32(at + 4, true) ^ edge.word1) & edge.mask1) !== 0) return false;
  if (edge.length <= 8) return true;
  if (((view.getInt32(at + 8, true) ^ edge.word2) & edge.mask2) !== 0) return false;
  const { rest } = edge;
  for (let index = 0; index < rest.length; index++) {
    if (view.getUint8(at + 12 + index) !== rest[index]) return false;
  }
  return true;
}
