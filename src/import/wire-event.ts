/**
 * The events of the wire as an importer writes them: which fields of a recorded event each has, in the
 * order of the format's table, and in which form. A recorded field that is not named here is dropped.
 */

import { isTaskState, taskStateText } from "../trace/task-state.js";

/**
 * `hex`: a 64-bit value, written "0x..". `signed`: 32 bits, a number. `count`: a number. `text`: as it stands. `state`:
 * a task's, as text or as the kernel's bit mask.
 */
export type Form = "hex" | "signed" | "count" | "text" | "state";

export interface WireField {
  readonly key: string;
  readonly form: Form;
  readonly required: boolean;
}

const formOf: Record<string, Form> = {
  ret: "signed",
  level: "signed",
  slot: "count",
  pages: "count",
  reason: "text",
  prev_state: "state",
  next_pid: "count",
  target_pid: "count",
};

/** "pgt! addr": a `!` marks what the format requires. */
function fields(text: string): readonly WireField[] {
  return text
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => {
      const key = word.replace("!", "");
      return { key, form: formOf[key] ?? "hex", required: word.endsWith("!") };
    });
}

const ret = fields("ret");
const range = fields("pgt! addr! size!");
const hva = fields("start end");

const wireEvents = new Map<string, readonly WireField[]>([
  ["kvm_guest_fault", fields("ipa! hsr! hxfar vcpu_pc")],
  ["kvm_access_fault", fields("ipa")],
  ["kvm_entry", fields("vcpu_pc")],
  ["kvm_exit", fields("vcpu_pc ret esr_ec")],
  ["kvm_userspace_exit", fields("reason")],
  ["kvm_unmap_hva_range", hva],
  ["kvm_age_hva", hva],
  ["kvm_test_age_hva", hva],
  ["s2_abort", []],
  ["s2_abort_ret", ret],
  ["s2_map", fields("pgt! addr! size! phys prot")],
  ["s2_map_ret", ret],
  ["s2_unmap", range],
  ["s2_unmap_ret", ret],
  ["s2_wrprotect", range],
  ["s2_wrprotect_ret", ret],
  ["s2_flush", range],
  ["s2_flush_ret", ret],
  ["s2_relax_perms", fields("pgt! addr! prot")],
  ["s2_relax_perms_ret", ret],
  ["s2_mkyoung", fields("pgt! addr!")],
  ["s2_split", fields("pgt addr size")],
  ["s2_split_ret", ret],
  ["s2_destroy", fields("pgt")],
  ["s2_destroy_ret", []],
  ["s2_break", fields("addr level ptep")],
  ["s2_install", fields("addr level ptep")],
  ["s2_teardown", []],
  ["s2_teardown_ret", []],
  ["tlb_vmid", fields("mmu")],
  ["tlb_vmid_ret", []],
  ["tlb_ipa", fields("mmu ipa level")],
  ["tlb_range", fields("mmu start pages")],
  ["memslot", fields("slot flags gpa size hva kvm")],
  ["memslot_ret", ret],
  ["sched_switch", fields("prev_state! next_pid!")],
  ["sched_waking", fields("target_pid!")],
]);

/** Names of all events that an importer can write with their own fields. */
export const wireEventNames: readonly string[] = [...wireEvents.keys()];

/** The event's own fields in table order; undefined for an event that the format does not know. */
export function wireFieldsOf(event: string): readonly WireField[] | undefined {
  return wireEvents.get(event);
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
