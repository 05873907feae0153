/** The header line: what the file says of itself. */

import { z } from "zod";
import { TraceFormatError, UnsupportedTraceError } from "../errors.js";
import type { Contradiction, TraceHeader } from "./event.js";

const SCHEMA = "s2replay-trace/1";
const count = z.int({ error: "an integer from 0" }).nonnegative({ error: "an integer from 0" });
const positive = z.int({ error: "an integer from 1" }).positive({ error: "an integer from 1" });
const text = z.string({ error: "a string" });

const headerShape = z.object({
  schema: z.literal(SCHEMA),
  name: text.optional(),
  kernel: text.optional(),
  arch: text.optional(),
  granule: z.literal([4096, 16384, 65536], { error: "4096, 16384 or 65536" }).optional(),
  ia_bits: z
    .int({ error: "an integer from 32 to 52" })
    .min(32, { error: "an integer from 32 to 52" })
    .max(52, { error: "an integer from 32 to 52" })
    .optional(),
  fwb: z.boolean({ error: "true or false" }).optional(),
  tlbi_range: z.boolean({ error: "true or false" }).optional(),
  clock: text.optional(),
  source: text.optional(),
  cpus: positive.optional(),
  lost_events: count.optional(),
  walker: text.optional(),
  pcpus: positive.optional(),
  lock_wait: z.enum(["spin", "sleep"], { error: '"spin" or "sleep"' }).optional(),
});

/** Whether a parsed line is a header. */
export function isHeader(line: unknown): boolean {
  return typeof line === "object" && line !== null && "type" in line && line.type === "header";
}

/** Checks a parsed header; fields that this version does not know are left out. `where` is FILE:LINE. */
export function parseHeader(line: unknown, where: string): TraceHeader {
  const schema = (line as { schema?: unknown }).schema;
  if (typeof schema !== "string") {
    throw new TraceFormatError(
      where,
      `header.schema: expected "${SCHEMA}", got ${JSON.stringify(schema) ?? "none"}`,
    );
  }
  // A minor version only adds fields.
  if (!/^s2replay-trace\/1(\.\d+)?$/.test(schema)) {
    throw new UnsupportedTraceError(
      `${where}: schema ${JSON.stringify(schema)} is not supported, expected "${SCHEMA}"`,
    );
  }
  // Some writers say null for "not known".
  const known = Object.entries(line as object).filter(([, value]) => value !== null);
  const parsed = headerShape.safeParse({ ...Object.fromEntries(known), schema: SCHEMA });
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const field = String(issue.path[0]);
    const value = (line as Record<string, unknown>)[field];
    throw new TraceFormatError(
      where,
      `header.${field}: expected ${issue.message}, got ${JSON.stringify(value)?.slice(0, 60)}`,
    );
  }
  return parsed.data as TraceHeader;
}

/** What a header says, its schema apart. */
export type HeaderFields = Omit<TraceHeader, "schema">;

/** In the order in which they are written; what else a header holds comes behind. */
const headerKeys = [
  "name",
  "kernel",
  "arch",
  "granule",
  "ia_bits",
  "fwb",
  "tlbi_range",
  "clock",
  "source",
  "cpus",
  "lost_events",
  "walker",
  "pcpus",
  "lock_wait",
] as const satisfies readonly (keyof HeaderFields)[];

/** What a header says of the machine and the kernel that were recorded. */
export type RecordedMachine = Pick<HeaderFields, keyof z.infer<typeof machineShape>>;

export const machineShape = headerShape
  .pick({
    kernel: true,
    granule: true,
    ia_bits: true,
    fwb: true,
    tlbi_range: true,
    walker: true,
    pcpus: true,
    lock_wait: true,
  })
  .strict();

const machineKeys = Object.keys(machineShape.shape) as (keyof RecordedMachine)[];

/** What is told of a trace's machine wins over what its header says: where do they contradict each other? */
export function contradictionsOf(said: HeaderFields | undefined, told: HeaderFields = {}): Contradiction[] {
  return machineKeys.flatMap((field) => {
    const [its, ours] = [said?.[field], told[field]];
    return its === undefined || ours === undefined || its === ours ? [] : [{ field, told: ours, said: its }];
  });
}

export function contradictionText({ field, told, said }: Contradiction): string {
  return `${field} is taken for ${told}, as told, though the header says ${said}`;
}

/** The fields of a parsed header, those that this version does not know included. Throws as parseHeader does. */
export function headerFields(line: unknown, where: string): HeaderFields {
  const known = parseHeader(line, where);
  const { type: _type, schema: _schema, ...fields } = { ...(line as { type?: unknown }), ...known };
  return fields;
}

/** The same of a header's text. Throws TraceFormatError where it is no JSON. */
export function parseHeaderText(text: string, where: string): HeaderFields {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (error) {
    throw new TraceFormatError(where, `expected a header, one JSON object (${(error as Error).message})`);
  }
  return headerFields(line, where);
}

/** Whether the format knows a field of a header. */
export function isHeaderField(field: string): boolean {
  return (headerKeys as readonly string[]).includes(field);
}

/** The header's line, its newline included: fields in the order of the format, others behind them. */
export function writeHeader(fields: HeaderFields): string {
  const ordered = Object.fromEntries(headerKeys.map((key) => [key, fields[key]]));
  return `${JSON.stringify({ type: "header", schema: SCHEMA, ...ordered, ...fields })}\n`;
}
