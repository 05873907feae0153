/** The table of probes as the script has it, in the words of kprobe_events or of bpftrace. */

import { kernelImages } from "./kernel-image.js";
import { type ArgumentField, type Form, guestThread, type Probe, probes } from "./probe.js";

/**
 * Lines of LEVEL|KIND|EVENT|SINCE|SYMBOLS|FETCH|FILTER|IMPLIED|DOUBT: the first of an event that takes is taken. Of a
 * tracepoint, its system stands for the symbols.
 */
export function tracefsTable(): string {
  return tableFunction(
    probes.map((probe) => tableLine(probe, tracefsKind(probe), fetchText(probe), probe.filter?.tracefs)),
  );
}

/** The same, with what bpftrace prints in place of what the kernel fetches. */
export function bpftraceTable(): string {
  return tableFunction(
    probes.map((probe) => tableLine(probe, probe.kind, printAction(probe), probe.filter?.bpftrace)),
  );
}

function tableFunction(lines: readonly string[]): string {
  return `
probe_table() {
  cat <<'END'
${lines.join("\n")}
END
}
`;
}

export function imageTable(): string {
  return `
# Instruction offsets: the user's own, or of an image that was disassembled.
image_table() {
  [ -z "$break_at" ] || edge given s2_break "$break_at"
  [ -z "$install_at" ] || edge given s2_install "$install_at"
  case "$(uname -r) $(uname -v)" in
${kernelImages
  .map(
    (image) =>
      `    ${quoteWord(`${image.release} ${image.build}`)})\n` +
      `      edge walk s2_break ${quoteWord(image.break)}\n` +
      `      edge walk s2_install ${quoteWord(image.install)} ;;`,
  )
  .join("\n")}
  esac
}

edge() {
  case $3 in
    *' '*) echo "$1|p|$2||\${3%% *}|\${3#* }|||" ;;
    *) echo "$1|p|$2||$3||||" ;;
  esac
}
`;
}

function tableLine(probe: Probe, kind: string, action: string, filter = ""): string {
  const { event, level } = probe;
  if (probe.kind === "tracepoint")
    return [level, kind, event, "", probe.system, action, filter, "", ""].join("|");
  const { since = "", symbols, impliedBy = "", doubt = "" } = probe;
  return [level, kind, event, since, symbols.join(" "), action, filter, impliedBy, doubt].join("|");
}

function tracefsKind(probe: Probe): string {
  if (probe.kind === "tracepoint") return "t";
  return probe.kind === "entry" ? "p" : `r${probe.underWay ?? ""}`;
}

/** These return nothing. */
const voids: readonly string[] = ["tlb_vmid_ret", "s2_teardown_ret"];

function hasResult(probe: Probe): boolean {
  return probe.kind === "return" && !voids.includes(probe.event);
}

function fetchText(probe: Probe): string {
  if (probe.kind === "tracepoint") return "";
  const fields = probe.fields.map(({ name, form, argument, offset }) => {
    const value = offset === undefined ? `%x${argument}` : `+${offset}(%x${argument})`;
    return `${name}=${value}:${form}`;
  });
  return [...fields, ...(hasResult(probe) ? ["ret=$retval:s32"] : [])].join(" ");
}

/** A printf of one line of the trace format. */
function printAction(probe: Probe): string {
  const fields: { name: string; form: Form; value: string }[] =
    probe.kind === "tracepoint"
      ? probe.fields.map((field) => ({ ...field, value: `args->${field.member ?? field.name}` }))
      : probe.fields.map((field) => ({ ...field, value: argumentValue(field) }));
  if (hasResult(probe)) fields.push({ name: "ret", form: "s32", value: "(int32)retval" });
  const text = fields.map(({ name, form }) => `,\\"${name}\\":${bpftraceFormats[form]}`).join("");
  const values = fields.map(({ value }) => `, ${value}`).join("");
  const head = '{\\"ts_ns\\":%llu,\\"cpu\\":%d,\\"pid\\":%d,\\"comm\\":\\"%s\\",\\"event\\":';
  const known = probe.kind === "tracepoint" && probe.system === "sched" ? "" : `${guestThread("tid")} = 1; `;
  return `${known}printf("${head}\\"${probe.event}\\"${text}}\\n", nsecs, cpu, tid, comm${values});`;
}

const bpftraceFormats: Readonly<Record<Form, string>> = {
  x64: '\\"0x%llx\\"',
  x32: '\\"0x%x\\"',
  u64: "%llu",
  u32: "%u",
  s32: "%d",
  s8: "%d",
  text: '\\"%u\\"',
};

const bpftraceTypes: Readonly<Record<Form, string>> = {
  x64: "uint64",
  x32: "uint32",
  u64: "uint64",
  u32: "uint32",
  s32: "int32",
  s8: "int8",
  text: "uint32",
};

function argumentValue({ form, argument, offset }: ArgumentField): string {
  const type = bpftraceTypes[form];
  return offset === undefined ? `(${type})arg${argument}` : `*(${type} *)(arg${argument} + ${offset})`;
}

/** A word of the shell, as it is. */
export function quoteWord(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
