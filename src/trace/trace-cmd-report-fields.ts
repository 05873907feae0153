/**
 * What the text of an ftrace event becomes on the wire: which fields of it the format names, in the
 * order of its table, and how a value is written. A field that the format does not name is dropped.
 */

/** `hex`: a 64-bit value, written "0x..". `signed`: 32 bits, a number. `count`: a number. `text`: as it stands. */
type Form = "hex" | "signed" | "count" | "text";

interface Field {
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
};

/** "pgt! addr": a `!` marks what the format requires. */
function fields(text: string): readonly Field[] {
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

/** Wire event -> its own fields in table order. An event that is not here is unknown to the format. */
const known = new Map<string, readonly Field[]>([
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
  ["memslot", fields("slot flags gpa size hva")],
  ["memslot_ret", ret],
]);

/** Tracepoints print sentences, not k=v; each is turned into the keys of the wire. */
const sentences = new Map<string, (detail: string) => string>([
  [
    "kvm_guest_fault",
    (detail) =>
      detail
        .replace(/\b(ipa|hsr|hxfar|pc) (?=0x)/g, (_, key) => `${key === "pc" ? "vcpu_pc" : key}=`)
        .replaceAll(",", " "),
  ],
  ["kvm_access_fault", (detail) => detail.replace(/\bIPA: (?:0x)?/i, "ipa=0x")],
  // trace-cmd's kvm plugin knows x86 fields only and complains before it prints the kernel's own format.
  ["kvm_entry", (detail) => detail.replace(/.*\bPC: (?=0x)/, "vcpu_pc=")],
  ["kvm_exit", exitKeys],
  ["kvm_userspace_exit", (detail) => detail.replace(/\breason (?=\S)/, "reason=")],
  ["kvm_unmap_hva_range", hvaKeys],
  ["kvm_age_hva", hvaKeys],
  ["kvm_test_age_hva", hvaKeys],
]);

/** The kernel's kvm_arm_exception_type. */
const exitCodes: Record<string, string> = { IRQ: "0", SERROR: "1", TRAP: "2", ILLEGAL: "3" };

function exitKeys(detail: string): string {
  const found = /(\w+): [HE]SR_EC: (0x[0-9a-f]+) \(\w+\), PC: (0x[0-9a-f]+)/i.exec(detail);
  if (found === null) return detail;
  const code = exitCodes[found[1] ?? ""];
  return `vcpu_pc=${found[3]} esr_ec=${found[2]}${code === undefined ? "" : ` ret=${code}`}`;
}

function hvaKeys(detail: string): string {
  const found = /(0x[0-9a-f]+)(?: -- (0x[0-9a-f]+))?\s*$/i.exec(detail);
  if (found === null) return detail;
  return found[2] === undefined ? `start=${found[1]}` : `start=${found[1]} end=${found[2]}`;
}

export function isKnown(event: string): boolean {
  return known.has(event);
}

/** `k=v` pairs of a probe's text; the first of a name counts. The addresses in parentheses before them are skipped. */
export function readPairs(event: string, detail: string): Map<string, string> {
  const text = sentences.get(event)?.(detail) ?? detail;
  const pairs = new Map<string, string>();
  for (const [, key, value] of text.matchAll(/(?<!\S)(\w+)=("[^"]*"|\S+)/g)) {
    if (key !== undefined && value !== undefined && !pairs.has(key)) pairs.set(key, value);
  }
  return pairs;
}

/**
 * The event's own fields as the tail of a JSON object (`,"addr":"0x1000"`).
 * Throws a RangeError saying which required field is not there, or is no number.
 */
export function writeFields(event: string, pairs: ReadonlyMap<string, string>): string {
  let out = "";
  for (const { key, form, required } of known.get(event) ?? []) {
    const value = pairs.get(key);
    // (fault): the probe could not read the memory that it was to fetch the field from.
    if (value === undefined || value === "(fault)") {
      if (required) throw new RangeError(`${event}: ${key}: expected a value, got ${value ?? "none"}`);
      continue;
    }
    out += `,"${key}":${form === "text" ? JSON.stringify(value) : writeNumber(`${event}: ${key}`, value, form)}`;
  }
  return out;
}

function writeNumber(what: string, value: string, form: Exclude<Form, "text">): string {
  const plain = /^0x([1-9a-f][0-9a-f]{0,15}|0)$/.exec(value);
  if (plain !== null && form === "hex") return `"${value}"`;
  if (!/^(0x[0-9a-f]+|-?\d+)$/i.test(value)) {
    throw new RangeError(`${what}: expected a decimal or hex number, got ${value}`);
  }
  const number = BigInt(value);
  if (form === "hex") return `"0x${BigInt.asUintN(64, number).toString(16)}"`;
  return String(form === "signed" ? BigInt.asIntN(32, number) : number);
}
