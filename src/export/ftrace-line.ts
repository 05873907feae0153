/**
 * One event of a trace as the line that tracefs would print of it: kprobes as `name: key=value ..`, KVM's
 * tracepoints as the kernel's own print formats have them (include/trace/events/kvm.h and
 * arch/arm64/kvm/trace_arm.h of v6.12).
 */
import { isSched } from "../import/guest-threads.js";
import { wireFieldsOf } from "../import/wire-event.js";
import { Key, keyNames, kindOf, meaningOf, NO_KEY } from "../trace/ndjson/fields.js";
import type { LineFields, Member } from "../trace/ndjson/line-fields.js";
import { parseTime } from "../trace/time.js";

/** Own fields of an event as text, canonical: hex with 0x and no leading zeros, numbers in decimal. */
type Values = ReadonlyMap<string, string>;

const NS_PER_S = 1_000_000_000n;
/** What a thread's name may be if a reader is to find its end: tracefs cuts it to 15 characters. */
const PLAIN_COMM = /^(?![\s<])[\x20-\x7e]{1,15}(?<!\s)$/;
const PLAIN_TEXT = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
/** Exception classes as the kernel's ESR_ELx_EC names print them (arch/arm64/include/asm/kvm_arm.h). */
const exceptionClasses = new Map<string, string>([
  ["0x0", "UNKNOWN"],
  ["0x1", "WFx"],
  ["0x3", "CP15_32"],
  ["0x4", "CP15_64"],
  ["0x5", "CP14_MR"],
  ["0x6", "CP14_LS"],
  ["0x7", "FP_ASIMD"],
  ["0x8", "CP10_ID"],
  ["0x9", "PAC"],
  ["0xc", "CP14_64"],
  ["0x15", "SVC64"],
  ["0x16", "HVC64"],
  ["0x17", "SMC64"],
  ["0x18", "SYS64"],
  ["0x19", "SVE"],
  ["0x1f", "IMP_DEF"],
  ["0x20", "IABT_LOW"],
  ["0x21", "IABT_CUR"],
  ["0x22", "PC_ALIGN"],
  ["0x24", "DABT_LOW"],
  ["0x25", "DABT_CUR"],
  ["0x26", "SP_ALIGN"],
  ["0x28", "FP_EXC32"],
  ["0x2c", "FP_EXC64"],
  ["0x2f", "SERROR"],
]);
const exitCodes = ["IRQ", "SERROR", "TRAP"];

/** Tracepoints, and the fields that their sentence must have. */
const sentences = new Map<string, { readonly keys: readonly string[]; say(values: Values): string }>([
  [
    "kvm_guest_fault",
    {
      keys: ["ipa", "hsr", "hxfar", "vcpu_pc"],
      say: (v) =>
        `ipa ${hash(v, "ipa", 0)}, hsr ${hash(v, "hsr", 8)}, hxfar ${hash(v, "hxfar", 8)}, pc ${hash(v, "vcpu_pc", 16)}`,
    },
  ],
  ["kvm_access_fault", { keys: ["ipa"], say: (v) => `IPA: ${v.get("ipa")!.slice(2)}` }],
  ["kvm_entry", { keys: ["vcpu_pc"], say: (v) => `PC: ${wide(v, "vcpu_pc", 16)}` }],
  [
    "kvm_exit",
    {
      keys: ["ret", "esr_ec", "vcpu_pc"],
      say: (v) => {
        const ec = v.get("esr_ec")!;
        const name = exceptionClasses.get(ec) ?? ec;
        return `${exitCodes[Number(v.get("ret"))]}: HSR_EC: ${wide(v, "esr_ec", 4)} (${name}), PC: ${wide(v, "vcpu_pc", 16)}`;
      },
    },
  ],
  ["kvm_userspace_exit", { keys: ["reason"], say: (v) => `reason ${v.get("reason")}` }],
  ["kvm_unmap_hva_range", { keys: ["start", "end"], say: hvaRange("unmap range") }],
  ["kvm_age_hva", { keys: ["start", "end"], say: hvaRange("age hva") }],
]);

function hvaRange(what: string): (values: Values) => string {
  return (v) => `mmu notifier ${what}: ${hash(v, "start", 16)} -- ${hash(v, "end", 16)}`;
}

/** As %#0WIDTHx prints: the width counts the 0x, and 0 has none. */
function hash(values: Values, key: string, width: number): string {
  const hex = values.get(key)!;
  return hex === "0x0" ? "0".repeat(Math.max(1, width)) : `0x${hex.slice(2).padStart(width - 2, "0")}`;
}

/** As 0x%0WIDTHx prints. */
function wide(values: Values, key: string, width: number): string {
  return `0x${values.get(key)!.slice(2).padStart(width, "0")}`;
}

/** The line for the members of an event's NDJSON line; undefined where tracefs has no form that says all of it. */
export function ftraceLine(members: LineFields): string | undefined {
  const event = textOf(members, Key.event);
  const pid = numberOf(members, Key.pid);
  const cpu = numberOf(members, Key.cpu);
  const comm = textOf(members, Key.comm);
  const time = timeOf(members);
  if (event === undefined || pid === undefined || cpu === undefined || comm === undefined) return undefined;
  if (time === undefined || !PLAIN_COMM.test(comm)) return undefined;
  const tgid = numberOf(members, Key.tgid);
  const detail = event === "marker" ? markerText(members) : fieldText(event, members);
  if (detail === undefined) return undefined;
  const task = `${comm.padStart(16)}-${String(pid).padEnd(7)}`;
  const group = tgid === undefined ? "" : `(${String(tgid).padStart(7)}) `;
  const seconds = String(time / NS_PER_S).padStart(5);
  const nanos = String(time % NS_PER_S).padStart(9, "0");
  return `${task} ${group}[${String(cpu).padStart(3, "0")}] ..... ${seconds}.${nanos}: ${detail}`;
}

const commonKeys = new Set<number>([Key.ts, Key.ts_ns, Key.cpu, Key.pid, Key.comm, Key.event, Key.tgid]);

function markerText(members: LineFields): string | undefined {
  const text = textOf(members, Key.text);
  const isWhole = members.members.every(({ key }) => commonKeys.has(key) || key === Key.text);
  return isWhole && text !== undefined && PLAIN_TEXT.test(text) ? `tracing_mark_write: ${text}` : undefined;
}

/** `name: values`; undefined where a member would be lost. */
function fieldText(event: string, members: LineFields): string | undefined {
  const fields = wireFieldsOf(event);
  if (fields === undefined || members.repeats) return undefined;
  const kind = kindOf(event);
  const values = new Map<string, string>();
  for (const member of members.members) {
    if (member.key === NO_KEY) return undefined;
    const key = meaningOf(member.key, kind);
    if (commonKeys.has(key)) continue;
    const field = fields.find((candidate) => candidate.key === keyNames[key]);
    const value = field === undefined ? undefined : canonicalValue(members, member, field.form);
    if (field === undefined || value === undefined || values.has(field.key)) return undefined;
    values.set(field.key, value);
  }
  const sentence = sentences.get(event);
  if (sentence === undefined) {
    // A switch as tracefs prints it names who comes, and priorities.
    if (event.startsWith("kvm_") || isSched(event)) return undefined;
    return `${event}:${fields.map(({ key }) => (values.has(key) ? ` ${key}=${values.get(key)}` : "")).join("")}`;
  }
  if (sentence.keys.some((key) => !values.has(key))) return undefined;
  if (event === "kvm_exit" && exitCodes[Number(values.get("ret"))] === undefined) return undefined;
  return `${event}: ${sentence.say(values)}`;
}

function canonicalValue(members: LineFields, member: Member, form: string): string | undefined {
  if (form === "text") {
    const text = member.type === "string" ? members.text(member.from, member.end) : "";
    return /^[\x21-\x7e]+$/.test(text) ? text : undefined;
  }
  const text =
    member.type === "string" ? members.text(member.from, member.end) : members.raw(member.from, member.end);
  if (!/^(0[xX][0-9a-fA-F]{1,16}|-?\d{1,19})$/.test(text)) return undefined;
  const number = BigInt(text);
  if (form === "hex") return number < 0n ? undefined : `0x${number.toString(16)}`;
  return String(form === "signed" ? BigInt.asIntN(32, number) : number);
}

function textOf(members: LineFields, key: number): string | undefined {
  const member = members.get(key);
  return member?.type === "string" ? members.text(member.from, member.end) : undefined;
}

function numberOf(members: LineFields, key: number): number | undefined {
  const member = members.get(key);
  const number = member?.type === "number" ? Number(members.raw(member.from, member.end)) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function timeOf(members: LineFields): bigint | undefined {
  const exact = members.get(Key.ts_ns);
  const member = exact ?? members.get(Key.ts);
  if (member === undefined) return undefined;
  const time = parseTime(
    members.raw(member.from, member.end).replaceAll('"', ""),
    exact === undefined ? "s" : "ns",
  );
  return "ns" in time ? time.ns : undefined;
}
