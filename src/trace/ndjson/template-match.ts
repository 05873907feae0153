/**
 * The fast path: a line compared with the templates learnt, its values written straight into the batch.
 * It builds no string and no object. It only accepts; whatever it is not sure of it leaves to the slow path.
 */

import type { EventBatch, ReaderReport } from "../event.js";
import { Role } from "../event-fields.js";
import { UNKNOWN_KIND } from "./fields.js";
import { PhraseCache } from "./phrase-cache.js";
import { PhraseMatch } from "./phrase-match.js";
import { Fills } from "./place.js";
import type { LineContext, SlowLine } from "./slow-line.js";
import { type Branch, DEFERRED, Edge, END, edgeAt, Form, MAX_DEFERRED, TemplateTree } from "./template.js";
import { ValueReader } from "./value-reader.js";

const QUOTE = 0x22;

export class TemplateMatch {
  private readonly tree: TemplateTree;
  private readonly phrases = new PhraseCache();
  private readonly quick: PhraseMatch;
  private readonly values: ValueReader;
  private readonly deferredFrom = new Int32Array(MAX_DEFERRED);
  private readonly deferredEnd = new Int32Array(MAX_DEFERRED);
  /** Stands for the edge of a deferred field, of which only the last spelling is ever looked at. */
  private readonly deferredEdge = new Edge(Buffer.alloc(4), Role.skip, Form.any, 0, 0);
  private deferred = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private view: DataView = new DataView(this.bytes.buffer);

  constructor(
    readonly context: LineContext,
    readonly report: ReaderReport,
  ) {
    this.values = new ValueReader(context);
    this.quick = new PhraseMatch(this.phrases, this.values, context.pool);
    this.tree = new TemplateTree(context.granule - 1);
  }

  /** The buffer to match in. Its lines end in newlines, the last at `end`; it is readable for 48 bytes more. */
  use(bytes: Buffer, view: DataView, end: number): void {
    this.bytes = bytes;
    this.view = view;
    this.values.use(bytes, view, end);
  }

  learn(line: SlowLine, bytes: Buffer, from: number, newline: number): void {
    this.tree.learn(line, bytes, from, newline);
  }

  /**
   * Reads the line at `from` into the batch's next row, which must hold absent values. Gives where the next
   * line begins; -1 if no template fits, with the row spoilt.
   */
  match(from: number, batch: EventBatch): number {
    const end = this.quick.match(this.tree.root, from, this.view, batch);
    return end >= 0 ? end : this.walk(from, batch);
  }

  /** After a match: not 0 if the format does not know the event, whose row is then to be cleared. */
  get unknown(): number {
    return this.quick.unknown;
  }

  /** The name of the unknown event just matched, which is thereby forgotten. */
  takeUnknown(): string {
    const name = this.tree.unknownNames[this.quick.unknown]!;
    this.quick.unknown = 0;
    return name;
  }

  /** match() field by field, keeping the phrases that it meets. */
  private walk(from: number, batch: EventBatch): number {
    this.deferred = 0;
    this.quick.unknown = 0;
    const view = this.view;
    let node = this.tree.root;
    let at = from;
    // The phrase being read: where it began (-1: none), and what it has filled so far.
    let begin = -1;
    let place = node.place;
    let fills = 0;
    let kind = UNKNOWN_KIND;
    let thread = 0;
    for (;;) {
      if (begin < 0) {
        place = node.place;
        begin = at;
        fills = 0;
      }
      const edge = edgeAt(node, view, at);
      if (edge === undefined) return -1;
      at += edge.length;
      if (edge.isSteady || (edge.isMostlySteady && place.stage === 0)) {
        at = this.values.apply(edge.role, edge.form, edge, at, batch);
        if (at < 0) return -1;
        fills |= edge.fills;
        node = edge.next;
        continue;
      }
      const source = { bytes: this.bytes, view, from: begin, end: at };
      const passed = kind < UNKNOWN_KIND ? this.report.byKind[kind]! : this.report.lines;
      const kept = this.phrases.add(place, source, fills, kind, edge, batch, thread, passed);
      begin = -1;
      if (edge.role === END) return at;
      if (edge.role === Role.event) {
        thread = kept;
        const branch = this.branch(edge, at, batch);
        if (branch === undefined) return -1;
        // No phrase can hold what was read before the event was known.
        if (this.deferred === 0) {
          place = edge.place;
          begin = at;
          fills = Fills.kind;
          kind = branch.kind + branch.unknown;
        }
        at = this.values.entryEnd;
        node = branch.next;
        continue;
      }
      at =
        edge.role === DEFERRED
          ? this.defer(edge.form, at)
          : this.values.apply(edge.role, edge.form, edge, at, batch);
      if (at < 0) return -1;
      node = edge.next;
    }
  }

  /** Reads an event's name; `entryEnd` is left behind it. Undefined if no line with it was learnt. */
  private branch(edge: Edge, at: number, batch: EventBatch): Branch | undefined {
    const { events } = this.tree;
    const values = this.values;
    const entry = values.entry(events, edge, at);
    const branch = entry < 0 ? undefined : edge.branches[events.number(entry)];
    if (branch === undefined) return undefined;
    const end = values.entryEnd;
    batch.kind[batch.count] = branch.kind;
    this.quick.unknown = branch.unknown;
    if (this.deferred > 0 && !this.applyDeferred(branch, batch)) return undefined;
    values.entryEnd = end;
    return branch;
  }

  private defer(form: number, at: number): number {
    const end = this.values.skip(form, at);
    this.deferredFrom[this.deferred] = at;
    this.deferredEnd[this.deferred++] = end;
    return end;
  }

  /** Fields that stood before the event: only now is it known what they mean. */
  private applyDeferred(branch: Branch, batch: EventBatch): boolean {
    const edge = this.deferredEdge;
    const values = this.values;
    for (let index = 0; index < branch.deferredRoles.length; index++) {
      const role = branch.deferredRoles[index]!;
      if (role === Role.skip) continue;
      edge.lastEntry = -1;
      const from = this.deferredFrom[index]!;
      const end = this.deferredEnd[index]!;
      const isText = this.bytes[from - 1] === QUOTE;
      const isHex = isText && role !== Role.pointer && role !== Role.text && role !== Role.reason;
      let at: number;
      if (isHex) {
        if (this.bytes[from] !== 0x30 || (this.bytes[from + 1]! | 0x20) !== 0x78) return false;
        at = values.apply(role, Form.hex, edge, from + 2, batch) + 1;
      } else at = values.apply(role, isText ? Form.text : Form.number, edge, from, batch);
      if (at !== end) return false;
    }
    return true;
  }
}
