/**
 * The events of the wire as an importer writes them: the fields of event-fields.ts, in their order, each in one form.
 * A recorded field that the table does not have is dropped.
 */

import {
  eventNamed,
  type Field,
  fieldsOf,
  type Reading,
  recordedEvents,
  roleMeanings,
} from "../trace/event-fields.js";
import { isTaskState, taskStateText } from "../trace/task-state.js";

/**
 * `hex`: a 64-bit value, written "0x..". `signed`: 32 bits, a number. `count`: a number. `text`: a string. `state`: a
 * task's, as text or as the kernel's bit mask.
 */
export type Form = "hex" | "signed" | "count" | "text" | "state";

export interface WireField extends Pick<Field, "key" | "required"> {
  readonly form: Form;
}

const formOf: Partial<Record<Reading, Form>> = {
  address: "hex",
  bits: "hex",
  wide: "hex",
  pointer: "hex",
  signed: "signed",
  integer: "count",
  textOrNumber: "text",
  taskState: "state",
};

const wireFields = new Map<string, readonly WireField[]>(
  recordedEvents.map((event) => [
    event,
    fieldsOf(event).map(({ key, role, required }) => {
      const form = formOf[roleMeanings[role].reads];
      if (form === undefined) throw new TypeError(`${event}: no importer writes a ${role}`);
      return { key, required, form };
    }),
  ]),
);

/** Names of all events that an importer can write with their own fields. */
export const wireEventNames: readonly string[] = [...recordedEvents, "kvm_test_age_hva"];

/** The event's own fields in table order; undefined for an event that the format does not know. */
export function wireFieldsOf(event: string): readonly WireField[] | undefined {
  return wireFields.get(eventNamed(event) ?? event);
}

/** A value's JSON. Throws a RangeError (`what: expected ..`) for text that is no number where one is due. */
export function writeValue(what: string, value: string, form: Form): string {
  if (form === "text") return JSON.stringify(value);
  if (form === "state" && isTaskState(value)) return JSON.stringify(value);
  if (form === "hex" && /^0x([1-9a-f][0-9a-f]{0,15}|0)$/.test(value)) return `"${value}"`;
  if (!/^(0x[0-9a-f]{1,16}|-?\d{1,20})$/i.test(value)) {
    throw new RangeError(`${what}: expected a decimal or hex number of 64 bits, got ${value.slice(0, 40)}`);
  }
  const number = BigInt(value);
  if (form === "state") return JSON.stringify(taskStateText(Number(BigInt.asUintN(52, number))));
  if (form === "hex") return `"0x${BigInt.asUintN(64, number).toString(16)}"`;
  return String(form === "signed" ? BigInt.asIntN(32, number) : number);
}
