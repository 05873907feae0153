/**
 * What lines look like, learnt from lines that the slow path has read. A line is a path through a tree:
 * literal bytes (punctuation, a key, an opening quote), then a value, and so on to the newline. Up to the
 * event's name all events share their nodes; behind it each event has its own. Two paths that agree up to
 * a key agree on what the key means, so an edge's role never depends on what follows.
 */

import { Kind, Phase } from "../event.js";
import { meanings, Role } from "../event-fields.js";
import { Spellings } from "../string-table.js";
import { isCommonKey, Key, meaningOf, NO_KEY, roles, UNKNOWN_KIND } from "./fields.js";
import type { Member } from "./line-fields.js";
import { maskOf } from "./number-scan.js";
import { mostlySteady, Place, steady } from "./place.js";
import type { SlowLine } from "./slow-line.js";

/** How a value stands in the line, which fixes where the literal before it ends and the next begins. */
export const Form = {
  /** A string's content with its closing quote. */
  text: 0,
  /** The digits behind `"0x`, without the closing quote. */
  hex: 1,
  number: 2,
  /** The literal holds the value, `constant`. */
  constant: 3,
  /** Any other value, only ever skipped. */
  any: 4,
} as const;

const QUOTE = 0x22;

/** Beyond the fields' roles: the end of the line, and a field read before the event that gives it a role. */
export const END = 100;
export const DEFERRED = 101;

/** Values that most lines have. */
export const Hot = { none: 0, addr: 1, size: 2, phys: 3, far: 4, opaque: 5, seconds: 6 } as const;
/** By role: which of them its value is, and the unit of an address; undefined for the others. */
const hotRoles = meanings.map(({ reads, column, unit = 1 }) => {
  if (reads === "wide") return { hot: column === undefined ? Hot.opaque : Hot.far, unit };
  return reads === "address" ? { hot: Hot[column as "addr" | "size" | "phys"], unit } : undefined;
});

export const MAX_DEFERRED = 16;
/** Bounds on what a trace can make the tree grow to. */
const MAX_EDGES = 4096;
const MAX_EDGES_OF_NODE = 8;
const MAX_LITERAL_BYTES = 256;

export class TemplateNode {
  /** Longer literals first: `"size":"0x` must be tried before `"size":`. */
  readonly edges: Edge[] = [];
  readonly place = new Place();
}

/** What follows an event's name. */
export interface Branch {
  readonly kind: number;
  /** For an event that the format does not know, its name's number in unknownNames; else 0. */
  readonly unknown: number;
  /** Roles of the deferred fields, in the order of the line. */
  readonly deferredRoles: readonly number[];
  readonly next: TemplateNode;
}

export class Edge {
  readonly length: number;
  /** The literal's first bytes, four to a word, little-endian, and which bits of each word count. */
  readonly word0: number;
  readonly word1: number;
  readonly word2: number;
  readonly mask0: number;
  readonly mask1: number;
  readonly mask2: number;
  /** Its bytes from the thirteenth on. */
  readonly rest: Uint8Array;
  readonly next = new TemplateNode();
  /** By the number of the event's spelling; only where the role is the event. */
  readonly branches: (Branch | undefined)[] = [];
  /** What to do with a common sort of value; no bit of `mask` may be set in an address or size. */
  readonly hot: number;
  readonly mask: number;
  /** The column that the value fills, for phrases (see phrase-cache.ts), and whether its values repeat. */
  readonly fills: number;
  readonly isSteady: boolean;
  readonly isMostlySteady: boolean;
  /** Where phrases that begin with an event's name are found. */
  readonly place = new Place();
  /** The spelling last met here: most often the next one too. */
  lastEntry = -1;

  constructor(
    readonly literal: Buffer,
    readonly role: number,
    readonly form: number,
    readonly constant: number,
    granuleMask: number,
  ) {
    const hot = form === Form.hex ? hotRoles[role] : undefined;
    this.hot = role === Role.time && form === Form.number ? Hot.seconds : (hot?.hot ?? Hot.none);
    this.mask = hot === undefined ? 0 : hot.unit === "granule" ? granuleMask : hot.unit - 1;
    this.length = literal.length;
    this.fills = steady.get(role) ?? mostlySteady.get(role) ?? 0;
    this.isSteady = steady.has(role);
    this.isMostlySteady = mostlySteady.has(role);
    const padded = Buffer.alloc(literal.length + 12);
    literal.copy(padded);
    this.word0 = padded.readInt32LE(0);
    this.word1 = padded.readInt32LE(4);
    this.word2 = padded.readInt32LE(8);
    this.mask0 = maskOf(literal.length);
    this.mask1 = maskOf(literal.length - 4);
    this.mask2 = maskOf(literal.length - 8);
    this.rest = Uint8Array.from(literal.subarray(12));
  }
}

/** A member as an edge of the tree sees it. */
interface EdgeShape {
  readonly role: number;
  readonly form: number;
  readonly constant: number;
  readonly from: number;
  readonly end: number;
}

/** The edge of a node whose literal stands at `at`. */
export function edgeAt(node: TemplateNode, view: DataView, at: number): Edge | undefined {
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

export class TemplateTree {
  readonly root = new TemplateNode();
  /** Events' names by their bytes; the number is an index into an edge's branches. */
  readonly events = new Spellings();
  readonly unknownNames: (string | undefined)[] = [undefined];
  private eventNumbers = 0;
  private edges = 0;

  constructor(readonly granuleMask: number) {}

  /** Adds the path of a line that the slow path has just read, if it is one that a path can describe. */
  learn(line: SlowLine, bytes: Buffer, from: number, newline: number): void {
    if (!isLearnable(line)) return;
    let node = this.root;
    let at = from;
    let kind = NO_KIND;
    const deferredRoles: number[] = [];
    for (const member of line.fields.members) {
      const shape = shapeOf(member, bytes, line, kind, deferredRoles);
      if (shape === undefined) return;
      const edge = this.edge(node, bytes.subarray(at, shape.from), shape);
      if (edge === undefined) return;
      at = shape.end;
      node = edge.next;
      if (shape.role === Role.event) {
        kind = line.kind;
        const branch = this.branch(edge, line, bytes.subarray(shape.from, shape.end), deferredRoles);
        if (branch === undefined) return;
        node = branch.next;
      }
    }
    const end = { role: END, form: Form.constant, constant: 0, from: newline + 1, end: newline + 1 };
    this.edge(node, bytes.subarray(at, newline + 1), end);
  }

  private edge(node: TemplateNode, literal: Buffer, shape: EdgeShape): Edge | undefined {
    const known = node.edges.find((edge) => edge.literal.equals(literal) && edge.form === shape.form);
    if (known !== undefined) return known.role === shape.role ? known : undefined;
    if (literal.length > MAX_LITERAL_BYTES || node.edges.length >= MAX_EDGES_OF_NODE) return undefined;
    if (this.edges++ >= MAX_EDGES) return undefined;
    const edge = new Edge(Buffer.from(literal), shape.role, shape.form, shape.constant, this.granuleMask);
    node.edges.push(edge);
    node.edges.sort((a, b) => b.length - a.length);
    return edge;
  }

  private branch(
    edge: Edge,
    line: SlowLine,
    name: Buffer,
    deferredRoles: readonly number[],
  ): Branch | undefined {
    this.events.add(name, 0, name.length, this.eventNumbers);
    const entry = this.events.findText(name);
    if (entry < 0) return undefined;
    const number = this.events.number(entry);
    if (number === this.eventNumbers) this.eventNumbers++;
    let branch = edge.branches[number];
    if (branch === undefined) {
      const unknown = line.kind === UNKNOWN_KIND ? this.unknownNames.push(line.eventName) - 1 : 0;
      branch = { kind: line.kind, unknown, deferredRoles: [...deferredRoles], next: new TemplateNode() };
      edge.branches[number] = branch;
    }
    return branch;
  }
}

const NO_KIND = -1;

/** Lines whose keys compete (a key twice, a key and its alias), and rare kinds, stay with the slow path. */
function isLearnable(line: SlowLine): boolean {
  if (line.fields.repeats || line.kind === Kind.gap || line.kind === Kind.lost_events) return false;
  const meanings = new Set<number>();
  for (const { key } of line.fields.members) {
    if (key === NO_KEY) continue;
    const meaning = key === Key.ts_ns ? Key.ts : meaningOf(key, line.kind);
    if (meanings.has(meaning)) return false;
    meanings.add(meaning);
  }
  return true;
}

/** `kind`: NO_KIND until the path has passed the event. Undefined: no edge can describe the member. */
function shapeOf(
  member: Member,
  bytes: Buffer,
  line: SlowLine,
  kind: number,
  deferredRoles: number[],
): EdgeShape | undefined {
  const { key, type, from, end } = member;
  const meaning = key === NO_KEY ? NO_KEY : meaningOf(key, line.kind);
  const role = meaning === NO_KEY ? Role.skip : roles[line.kind]![meaning]!;
  const isText = type === "string";
  const text = { form: Form.text, constant: 0, from: from + 1, end };
  const any = { form: Form.any, constant: 0, from, end };
  if (kind === NO_KIND && key !== NO_KEY && !isCommonKey(meaning)) {
    if (meanings[role]!.reads === "word" || deferredRoles.length === MAX_DEFERRED) return undefined;
    deferredRoles.push(role);
    return { role: DEFERRED, ...(isText ? text : any) };
  }
  if (role === Role.skip) return { role, ...(isText ? text : any) };
  const constant = { form: Form.constant, from: end, end };
  if (type === "null") return { role: Role.skip, constant: 0, ...constant };
  switch (meanings[role]!.reads) {
    case "event":
    case "text":
    case "pointer":
      return isText ? { role, ...text } : undefined;
    case "time":
    case "textOrNumber":
    case "taskState":
      return isText ? { role, ...text } : { role, ...any, form: Form.number };
    case "word":
      return { role, constant: wordAt(bytes, from), ...constant };
  }
  if (!isText) return { role, ...any, form: Form.number };
  // An escape among the digits is for the slow path.
  const isPlain = bytes[from + 1] === 0x30 && (bytes[from + 2]! | 0x20) === 0x78;
  return isPlain ? { role, form: Form.hex, constant: 0, from: from + 3, end: end - 1 } : undefined;
}

const TRUE = 0x74;
const ONE = 0x31;

/** `true` and 1 are 1, `"begin"` is 1 and `"end"` 2 (see Phase), others 0: the value checked, its first bytes tell. */
function wordAt(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return bytes[from + 1] === 0x62 ? Phase.begin : Phase.end;
  return first === TRUE || first === ONE ? 1 : 0;
}
