/** Where phrases may begin, and what they are made of (see phrase-cache.ts). */

import { Role } from "./fields.js";

/** Which columns a phrase fills. */
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

/** Roles whose values repeat, and the column that each fills (0: none). The event begins a phrase of its own. */
export const steady = new Map<number, number>([
  [Role.cpu, Fills.cpu],
  [Role.pid, Fills.pid],
  [Role.comm, Fills.comm],
  [Role.tgid, Fills.tgid],
  [Role.vm, Fills.vm],
  [Role.vcpu, Fills.vcpu],
  [Role.pointer, Fills.pgt],
  [Role.bits, Fills.prot],
  [Role.level, Fills.level],
  [Role.ret, Fills.ret],
  [Role.slot, Fills.slot],
  [Role.reason, Fills.text],
  [Role.taskState, Fills.text],
  [Role.phase, Fills.phase],
  [Role.write, Fills.write],
]);

/** Roles whose values repeat in most traces: left out of phrases where a trace proves otherwise. */
export const mostlySteady = new Map<number, number>([
  [Role.skip, 0],
  [Role.alignedBytes, Fills.size],
  [Role.pageBytes, Fills.size],
  [Role.esr, Fills.esr],
  [Role.opaque, 0],
]);

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
