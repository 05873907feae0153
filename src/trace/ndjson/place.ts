/** Where phrases may begin, and what they are made of (see phrase-cache.ts). */

import { Role, type RoleMeaning, type RoleName, roleMeanings } from "../event-fields.js";

/** Columns that a phrase can fill, a bit each. */
export const Fills = {
  cpu: 1,
  pid: 2,
  comm: 4,
  kind: 8,
  pgt: 16,
  ret: 32,
  prot: 64,
  level: 128,
  size: 256,
  esr: 512,
  vm: 1024,
  vcpu: 2048,
  slot: 4096,
  text: 8192,
  phase: 16384,
  write: 32768,
  tgid: 65536,
} as const;
const bitOf: Readonly<Record<string, number>> = Fills;

/** Roles whose values repeat, and what each fills (0: nothing). The event begins a phrase of its own. */
export const steady = rolesThatRepeat("always");

/** Roles whose values repeat in most traces; phrases leave them out where a trace proves otherwise. */
export const mostlySteady = rolesThatRepeat("mostly");

function rolesThatRepeat(when: RoleMeaning["repeats"]): Map<number, number> {
  const found = new Map<number, number>();
  for (const [name, { column, repeats }] of Object.entries(roleMeanings)) {
    if (repeats === when) found.set(Role[name as RoleName], bitOf[column ?? ""] ?? 0);
  }
  return found;
}

/** Where in the template tree phrases may begin: at a node, or at an event's name. */
export class Place {
  /** Its number in the phrase cache; 0 as long as no phrase was kept for it. */
  number = 0;
  /** 0: all steady roles make up a phrase; 1: only those that always are; 2: phrases do not pay here. */
  stage = 0;
  misses = 0;
  /** Lines that had passed when it was last seen whether phrases pay here. */
  judgedAt = 0;
}
