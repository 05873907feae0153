/** The tables of event-fields.ts by number, as the NDJSON reader needs them: `roles[kind][key]`. */

import { type EventName, eventNames, Kind } from "../event.js";
import { eventNamed, everyEvent, type Field, fieldsOf, type KeyName, Role } from "../event-fields.js";

/** Every key of the format, and `type`, which only the header has. */
const canonical: readonly (KeyName | "type")[] = [
  ...new Set([
    ...(Object.keys(everyEvent) as KeyName[]),
    ...eventNames.flatMap((event) => fieldsOf(event).map(({ key }) => key)),
    "type" as const,
  ]),
];

const aliases: Readonly<Record<string, KeyName>> = {
  timestamp: "ts",
  name: "event",
  esr: "hsr",
  far: "hxfar",
  pc: "vcpu_pc",
};

/** A key's number: canonical ones first, then aliases. `gpa` is a key of its own and may stand for `ipa`. */
export const keyNames: readonly string[] = [...canonical, ...Object.keys(aliases)];
const keyNumbers = new Map(keyNames.map((name, key) => [name, key]));
export const NO_KEY = -1;

export function keyOf(name: string): number {
  return keyNumbers.get(name) ?? NO_KEY;
}

export const Key = Object.fromEntries(canonical.map((name, key) => [name, key])) as Record<
  KeyName | "type",
  number
>;

/** An event that the format does not know has only the fields that every event has. */
export const UNKNOWN_KIND = eventNames.length;

const fieldsByKind: readonly (readonly Field[])[] = [...eventNames.map(fieldsOf), []];

/** What each event does with each canonical key: `roles[kind][key]`, a Role. */
export const roles: readonly Uint8Array[] = fieldsByKind.map((fields) => {
  const row = new Uint8Array(keyNames.length);
  for (const [key, role] of Object.entries(everyEvent)) row[keyOf(key)] = Role[role];
  for (const { key, role } of fields) row[keyOf(key)] = Role[role];
  return row;
});

/** Keys that each event cannot do without, beside a time, `event` and `pid`. */
export const required: readonly (readonly number[])[] = fieldsByKind.map((fields) =>
  fields.filter((field) => field.required).map(({ key }) => keyOf(key)),
);

/** Whether a key means the same on every event, so that it can be read before the event is known. */
export function isCommonKey(key: number): boolean {
  return key !== NO_KEY && Object.hasOwn(everyEvent, keyNames[key]!);
}

/** The canonical key that `key` stands for on an event of that kind: itself unless it is an alias. */
export function meaningOf(key: number, kind: number): number {
  if (key === Key.gpa) return roles[kind]![key] === Role.skip ? Key.ipa : key;
  const stem = aliases[keyNames[key]!];
  return stem === undefined ? key : Key[stem];
}

/** The kind of an event's name, UNKNOWN_KIND if there is none. */
export function kindOf(name: string): number {
  const event: EventName | undefined = eventNamed(name);
  return event === undefined ? UNKNOWN_KIND : Kind[event];
}
