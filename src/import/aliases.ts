/** Names that a host gave its probes -> the wire's. */

import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";
import { wireEventNames, wireFieldsOf } from "./wire-event.js";

/** What a recorded event is on the wire. */
export interface Alias {
  readonly event: string;
  /** Wire field -> recorded field, where they differ. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Short names in common use. */
const shortNames = new Map<string, string>([
  ["abort", "s2_abort"],
  ["abort_ret", "s2_abort_ret"],
  ["s2_wp", "s2_wrprotect"],
  ["s2_wp_ret", "s2_wrprotect_ret"],
  ["s2_relax", "s2_relax_perms"],
  ["s2_relax_ret", "s2_relax_perms_ret"],
  ["teardown", "s2_teardown"],
  ["teardown_ret", "s2_teardown_ret"],
]);

/** The kernel's functions, as perf probe and bare kprobe definitions name their events. */
const functions = new Map<string, string>([
  ["kvm_handle_guest_abort", "s2_abort"],
  ["kvm_pgtable_stage2_map", "s2_map"],
  ["kvm_pgtable_stage2_unmap", "s2_unmap"],
  ["kvm_pgtable_stage2_wrprotect", "s2_wrprotect"],
  ["kvm_pgtable_stage2_flush", "s2_flush"],
  ["kvm_pgtable_stage2_relax_perms", "s2_relax_perms"],
  ["kvm_pgtable_stage2_mkyoung", "s2_mkyoung"],
  ["kvm_pgtable_stage2_split", "s2_split"],
  ["kvm_pgtable_stage2_destroy", "s2_destroy"],
  // 6.2 to 6.3 called it free_removed.
  ["kvm_pgtable_stage2_free_unlinked", "s2_teardown"],
  ["kvm_pgtable_stage2_free_removed", "s2_teardown"],
  ["__kvm_tlb_flush_vmid", "tlb_vmid"],
  ["__kvm_tlb_flush_vmid_ipa", "tlb_ipa"],
  ["__kvm_tlb_flush_vmid_range", "tlb_range"],
  ["__kvm_set_memory_region", "memslot"],
  ["kvm_set_memory_region", "memslot"],
]);

/** Wire field -> other names of it: older tracepoints', C struct members', as perf probe takes them over. */
const otherFieldNames = new Map<string, readonly string[]>([
  ["hsr", ["esr"]],
  ["hxfar", ["far"]],
  ["vcpu_pc", ["pc"]],
  ["ipa", ["gpa"]],
  ["gpa", ["guest_phys_addr"]],
  ["hva", ["userspace_addr"]],
  // kvm_test_age_hva has one address.
  ["start", ["hva"]],
  ["size", ["memory_size"]],
  // sched_waking's is who is woken, and hides who wakes.
  ["target_pid", ["pid"]],
  // perf probe's name for `%return $retval`.
  ["ret", ["arg1", "retval"]],
]);

export class Aliases {
  private readonly own = new Map<string, Alias>();

  /** `specs`: `NAME=EVENT:FIELD=WIRE_FIELD,..` each (see parseAlias). Throws UsageError. */
  constructor(readonly specs: readonly string[] = []) {
    for (const spec of specs) {
      const [name, alias] = parseAlias(spec);
      this.own.set(name, alias);
    }
  }

  /** The wire event of a recorded name; a name that is no alias stands for itself. */
  eventOf(name: string): string {
    return this.own.get(name)?.event ?? builtIn(name) ?? name;
  }

  /** Index among `recorded` of the field that holds a wire field of the event recorded as `name`; -1 if none does. */
  fieldIndex(name: string, wireField: string, recorded: readonly string[]): number {
    const chosen = this.own.get(name)?.fields.get(wireField);
    if (chosen !== undefined) return recorded.indexOf(chosen);
    const index = recorded.indexOf(wireField);
    if (index !== -1) return index;
    for (const other of otherFieldNames.get(wireField) ?? []) {
      const at = recorded.indexOf(other);
      if (at !== -1) return at;
    }
    return -1;
  }
}

/** `p_NAME_0` and `r_NAME_0`: what tracefs calls a kprobe that was given no name; `NAME__return`: perf probe's. */
function builtIn(name: string): string | undefined {
  const short = shortNames.get(name);
  if (short !== undefined) return short;
  const [, kind, bare] = /^(?:([pr])_)?(\w+?)(?:\.part\.0|_part_0)?(?:_\d+)?$/.exec(name) ?? [];
  if (bare === undefined) return undefined;
  const isReturn = kind === "r" || bare.endsWith("__return");
  const event = functions.get(bare.replace(/__return$/, ""));
  return event === undefined || !isReturn ? event : `${event}_ret`;
}

/**
 * `my_map=s2_map:ipa=addr,len=size`: probe my_map is the wire's s2_map, its field ipa the wire's addr. Either
 * side of a pair may be the wire's. Without `=EVENT` the event is the one whose name ends as NAME does.
 */
function parseAlias(spec: string): [name: string, alias: Alias] {
  const [, name, given, pairs] = /^([^\s=:,]+)(?:=([^\s=:,]+))?(?::(.+))?$/.exec(spec.trim()) ?? [];
  if (name === undefined) throw new UsageError(`--map: expected NAME=EVENT:FIELD=FIELD,.., got "${spec}"`);
  const event = given ?? builtIn(name) ?? eventEndingLike(name);
  const wire = event === undefined ? undefined : wireFieldsOf(event);
  if (event === undefined || wire === undefined) {
    throw new UsageError(
      given === undefined
        ? `--map: ${name}: expected the event that it stands for: ${name}=EVENT`
        : `--map: ${name}: no event is called ${given}${didYouMean(given, wireEventNames)}`,
    );
  }
  const keys: readonly string[] = wire.map(({ key }) => key);
  const fields = new Map<string, string>();
  for (const pair of pairs?.split(",") ?? []) {
    const [, a, b] = /^\s*([^\s=]+)=([^\s=]+)\s*$/.exec(pair) ?? [];
    if (a === undefined || b === undefined) {
      throw new UsageError(`--map: ${name}: expected FIELD=FIELD, got "${pair}"`);
    }
    if (keys.includes(b)) fields.set(b, a);
    else if (keys.includes(a)) fields.set(a, b);
    else
      throw new UsageError(
        `--map: ${name}: neither ${a} nor ${b} is a field of ${event}: ${keys.join(", ")}`,
      );
  }
  return [name, { event, fields }];
}

function eventEndingLike(name: string): string | undefined {
  if (wireEventNames.includes(name)) return name;
  const ending = wireEventNames.filter((event) => {
    const bare = event.replace(/^s2_/, "");
    return name === bare || name.endsWith(`_${bare}`);
  });
  return ending.sort((a, b) => b.length - a.length)[0];
}
