/**
 * The kernel's selftest kvm_page_table_test, as its RFC version of February 2021 ran it
 * (mid:20210208090841.333724-1): one memslot, and every vCPU runs the same loop over the same ascending addresses.
 *
 *   CREATE   one access to each large page; even vCPUs write, odd ones read
 *   UPDATE   logging is on. For each large page: a write to its first page, which splits the block, then a read
 *            of every page of its second half. Without large pages: a write to every page
 *   ADJUST   logging is off: a read of every page
 *
 * All lines of a stage have the same time: the trace gives only their order, and the replay determines all times.
 */
import { UsageError } from "../errors.js";
import { parseSize, sizeText } from "./size.js";
import { PAGE_BYTES, TraceLines } from "./trace-lines.js";
import { defineWorkload } from "./workload.js";

/** Guest modes by number, as the selftests of that time list them: IPA bits, and the guest's own page size. */
const modes = [
  { ipaBits: 52, pageBytes: 4096 },
  { ipaBits: 52, pageBytes: 65536 },
  { ipaBits: 48, pageBytes: 4096 },
  { ipaBits: 48, pageBytes: 65536 },
  { ipaBits: 40, pageBytes: 4096 },
  { ipaBits: 40, pageBytes: 65536 },
] as const;

const backings = ["anon", "thp", "hugetlb"] as const;
type Backing = (typeof backings)[number];

/** Large pages that each backing has on a 4 KiB host, the default first. */
const largePages: Readonly<Record<Backing, readonly number[]>> = {
  anon: [PAGE_BYTES],
  thp: [2 ** 21],
  hugetlb: [2 ** 30, 2 ** 21],
};

const SLOT = 1;
/** Distance between the starts of stages; the replay determines how long a stage takes. */
const STAGE_NS = 1000;

export const kvmPageTableTest = defineWorkload({
  name: "kvm_page_table_test",
  describe: "the kernel's selftest: create, split and coalesce the mappings of one memslot",
  example: "-m 4 -t 2 -g 1G -s 20G -v 20",
  options: {
    mode: {
      alias: "m",
      kind: "count",
      describe: "guest mode by number: 4 is 40-bit IPA, 2 is 48-bit (default 4)",
    },
    type: {
      alias: "t",
      kind: "text",
      default: "hugetlb",
      describe: "memory behind the slot: hugetlb, thp or anon (2, 1 or 0)",
    },
    granularity: { alias: "g", kind: "text", describe: "large page: 1G or 2M (default: 1G; thp 2M)" },
    size: { alias: "s", kind: "text", default: "1G", describe: "memory, such as 20G" },
    vcpus: { alias: "v", kind: "count", default: "1", describe: "vCPUs" },
    fwb: { kind: "flag", describe: "the machine has FEAT_S2FWB" },
    "ipa-bits": { kind: "count", describe: "IPA bits, instead of a mode" },
    // The merged test takes the memory size by this option.
    b: { kind: "text", hidden: true, describe: "" },
  },
  *lines(values) {
    if (values.b !== undefined)
      throw new UsageError(
        "-b: an option of the test as merged; here, as in its RFC version, -s is the size and -t the memory's type",
      );
    const { ipaBits, guestPageBytes } = machineOf(values.mode, values["ipa-bits"]);
    const backing = backingOf(values.type);
    const largeBytes = largePageOf(backing, values.granularity);
    const bytes = alignUp(sizeOf(values.size), Math.max(largeBytes, guestPageBytes));
    const { vcpus } = values;
    if (vcpus === 0) throw new UsageError("--vcpus: expected a whole number from 1 up, got 0");
    const gpa = topmost(bytes, ipaBits, guestPageBytes, largeBytes);

    const test = new TraceLines("kvm_page_table_test", 1000);
    const region = { slot: SLOT, gpa, bytes, pageBytes: largeBytes };
    const everyVcpu = Array.from({ length: vcpus }, (_, vcpu) => vcpu);
    yield TraceLines.header(
      `s2replay workload kvm_page_table_test -t ${backing} -g ${sizeText(largeBytes)} -s ${sizeText(bytes)} -v ${vcpus}`,
      { ia_bits: ipaBits, fwb: values.fwb },
    );
    yield* test.memslot(0, { ...region, logging: false });

    let atNs = STAGE_NS;
    const large = { ipa: gpa, stride: largeBytes, count: bytes / largeBytes };
    yield test.marker(atNs, "CREATE", "begin");
    for (const vcpu of everyVcpu) yield test.run(atNs, vcpu, { ...large, write: vcpu % 2 === 0 });
    yield test.marker(atNs, "CREATE", "end");

    atNs += STAGE_NS;
    yield* test.memslot(atNs, { ...region, logging: true }, true);
    yield test.marker(atNs, "UPDATE", "begin");
    const every = { ipa: gpa, stride: PAGE_BYTES, count: bytes / PAGE_BYTES };
    if (largeBytes === PAGE_BYTES)
      for (const vcpu of everyVcpu) yield test.run(atNs, vcpu, { ...every, write: true });
    else
      for (let ipa = gpa; ipa < gpa + bytes; ipa += largeBytes) {
        const first = { ipa, stride: PAGE_BYTES, count: 1, write: true };
        const half = largeBytes / 2;
        const rest = { ipa: ipa + half, stride: PAGE_BYTES, count: half / PAGE_BYTES, write: false };
        for (const vcpu of everyVcpu) {
          yield test.run(atNs, vcpu, first);
          yield test.run(atNs, vcpu, rest);
        }
      }
    yield test.marker(atNs, "UPDATE", "end");

    atNs += STAGE_NS;
    yield* test.memslot(atNs, { ...region, logging: false });
    yield test.marker(atNs, "ADJUST", "begin");
    for (const vcpu of everyVcpu) yield test.run(atNs, vcpu, { ...every, write: false });
    yield test.marker(atNs, "ADJUST", "end");
  },
});

function machineOf(
  mode: number | undefined,
  ipaBits: number | undefined,
): { ipaBits: number; guestPageBytes: number } {
  const known = modes[mode ?? 4];
  if (known === undefined) throw new UsageError(`--mode: expected 0 to ${modes.length - 1}, got ${mode}`);
  if (ipaBits !== undefined && mode !== undefined && ipaBits !== known.ipaBits)
    throw new UsageError(`--ipa-bits ${ipaBits}: mode ${mode} has ${known.ipaBits}`);
  const bits = ipaBits ?? known.ipaBits;
  if (![40, 48, 52].includes(bits)) throw new UsageError(`--ipa-bits: expected 40, 48 or 52, got ${bits}`);
  return { ipaBits: bits, guestPageBytes: known.pageBytes };
}

function backingOf(text: string): Backing {
  const backing = backings[Number(text)] ?? backings.find((name) => name === text);
  if (backing !== undefined) return backing;
  throw new UsageError(`--type: expected hugetlb, thp or anon (2, 1 or 0), got ${JSON.stringify(text)}`);
}

function largePageOf(backing: Backing, text: string | undefined): number {
  const sizes = largePages[backing];
  const bytes = text === undefined ? (sizes[0] as number) : parseSize("--granularity", text);
  if (sizes.includes(bytes)) return bytes;
  throw new UsageError(
    `--granularity: ${backing} memory has pages of ${sizes.map(sizeText).join(" or ")}, got ${text}`,
  );
}

function sizeOf(text: string): number {
  if (/^(anonymous|shmem|shared)/.test(text))
    throw new UsageError(
      `-s ${text}: a type of memory, which the test as merged has there; here, as in its RFC version, -s is the ` +
        "size: -t hugetlb -g 1G -s 20G",
    );
  return parseSize("--size", text);
}

function alignUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

/** Places the slot as high as possible, at least one guest page below the end of the IPA space. */
function topmost(bytes: number, ipaBits: number, guestPageBytes: number, largeBytes: number): number {
  const unit = Math.max(largeBytes, guestPageBytes);
  const gpa = Math.floor((2 ** ipaBits - guestPageBytes - bytes) / unit) * unit;
  if (gpa < 0)
    throw new UsageError(`--size: ${sizeText(bytes)} do not fit in ${ipaBits} bits of IPA: -m 2 has 48`);
  return gpa;
}
