/** Paths into a result: they are checked against its schema before a run, and looked up in the result after it. */

import type { z } from "zod";
import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";
import type { Segment } from "./expression-parser.js";
import { jsonSchemaOf } from "./result.js";

/** How a path can continue from one place in a result. */
export type SchemaShape =
  | { readonly type: "object"; readonly keys: ReadonlyMap<string, SchemaShape> }
  /** Any key is allowed, as in counts by reason. */
  | { readonly type: "record"; readonly each: SchemaShape }
  | { readonly type: "array"; readonly each: SchemaShape }
  | { readonly type: "leaf" };

const leaf: SchemaShape = { type: "leaf" };

/** The shape that a zod schema describes. */
export function shapeOf(schema: z.ZodType): SchemaShape {
  return shape(jsonSchemaOf(schema));
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

function shape(schema: JsonSchema): SchemaShape {
  if (schema.properties !== undefined) {
    const keys = Object.entries(schema.properties).map(([key, value]) => [key, shape(value)] as const);
    return { type: "object", keys: new Map(keys) };
  }
  if (typeof schema.additionalProperties === "object") {
    return { type: "record", each: shape(schema.additionalProperties) };
  }
  if (schema.items !== undefined) return { type: "array", each: shape(schema.items) };
  // The only unions in a result are nullable types.
  return schema.anyOf?.map(shape).find((option) => option.type !== "leaf") ?? leaf;
}

function stepInto(from: SchemaShape, segment: Segment): SchemaShape | undefined {
  if (from.type === "object") return from.keys.get(segment);
  return from.type === "leaf" ? undefined : from.each;
}

/** Throws UsageError, naming the nearest valid path, where `segments` leads nowhere. */
export function checkPath(segments: readonly Segment[], root: SchemaShape, column: number): void {
  const problem = pathProblem(segments, root);
  if (problem !== undefined) throw new UsageError(`--fail-on: column ${column}: ${problem}`);
}

/** The problem with a path that leads nowhere, with the nearest valid one; undefined for a valid path. */
export function pathProblem(segments: readonly Segment[], root: SchemaShape): string | undefined {
  let at: SchemaShape | undefined = root;
  for (const segment of segments) at = at && stepInto(at, segment);
  if (at !== undefined) return undefined;
  const written = segments.join(".");
  if (segments[0] === "figures")
    return `unknown path "${written}" (a figure's path is one name: figures["candidate.faults.total"].kind)`;
  const candidates = [...pathsOf(root, segments)];
  return `unknown path "${written}"${didYouMean(written, candidates) || nearestStart(segments, root)}`;
}

/**
 * Every path of a shape that ends at a name which the shape itself knows. A step through an array or a record is
 * spelt as in `written`.
 */
function* pathsOf(from: SchemaShape, written: readonly Segment[], prefix = ""): Generator<string> {
  if (from.type === "leaf") return;
  const [step = "0", ...rest] = written;
  if (from.type !== "object") {
    yield* pathsOf(from.each, rest, `${prefix}${step}.`);
    return;
  }
  for (const [key, next] of from.keys) {
    yield prefix + key;
    const near = step === key || didYouMean(step, [key]) !== "";
    yield* pathsOf(next, near ? rest : [], `${prefix}${key}.`);
  }
}

/** The longest valid start of a path that resembles no valid one, and what may follow that start. */
function nearestStart(segments: readonly Segment[], root: SchemaShape): string {
  let at = root;
  let valid = 0;
  for (const segment of segments) {
    const next = stepInto(at, segment);
    if (next === undefined) break;
    at = next;
    valid++;
  }
  const start = segments.slice(0, valid).join(".");
  if (at.type !== "object") return ` ("${start}" holds nothing further)`;
  const keys = [...at.keys.keys()].join(", ");
  return start === "" ? ` (expected one of: ${keys})` : ` ("${start}" is followed by: ${keys})`;
}

/**
 * The value at a path that `checkPath` passed. A path through null, or to a name that a record does not
 * hold, gives null. Throws UsageError on an index or a label that is not there.
 */
export function lookUp(segments: readonly Segment[], root: unknown): unknown {
  let at: unknown = root;
  segments.forEach((segment, i) => {
    if (Array.isArray(at)) at = element(at, segment, segments.slice(0, i).join("."));
    else if (isObject(at) && Object.hasOwn(at, segment)) at = at[segment];
    else {
      if (segments[0] === "figures") checkFigure(segment, i, at);
      at = null;
    }
  });
  return at ?? null;
}

/** Throws UsageError for a figure that does not exist: as null it would never fail a condition. */
function checkFigure(segment: Segment, step: number, at: unknown): void {
  if (step === 1 && isObject(at))
    throw new UsageError(
      `--fail-on: figures: no figure "${segment}"${didYouMean(segment, Object.keys(at))}: one is called by its path, as in figures["candidate.faults.total"].kind`,
    );
  if (segment === "interval")
    throw new UsageError("--fail-on: figures: without --samples no figure has an interval");
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function element(list: readonly unknown[], segment: Segment, where: string): unknown {
  const labelled = list.filter((item) => isObject(item) && item.label === segment);
  if (labelled.length === 1) return labelled[0];
  if (labelled.length > 1) {
    throw new UsageError(
      `--fail-on: ${where}: ${labelled.length} entries are labelled "${segment}": use a number, ${where}[0] to ${where}[${list.length - 1}]`,
    );
  }
  if (/^\d+$/.test(segment) && Number(segment) < list.length) return list[Number(segment)];
  const labels = list.flatMap((item) => (isObject(item) && typeof item.label === "string" ? item.label : []));
  const held = labels.length > 0 ? `: it has ${labels.join(", ")}` : "";
  throw new UsageError(
    `--fail-on: ${where}: no entry "${segment}" among ${list.length}${didYouMean(segment, labels)}${held}`,
  );
}
