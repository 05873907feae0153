/**
 * Guests that boot at once: in each VM all vCPUs populate its memory chunk by chunk, and now and then read what was
 * just written. There are first touches and lost races but no coalesce: this shows what a change costs where it
 * cannot help.
 *
 *   BOOT  each vCPU takes the next chunk of its VM's memory and writes it page by page
 */
import { UsageError } from "../errors.js";
import { seededRandom } from "../seeded-random.js";
import { sizeText } from "./size.js";
import { checkMemory, PAGE_BYTES, TraceLines } from "./trace-lines.js";
import { defineWorkload } from "./workload.js";

const GPA = 2 ** 30;
const IPA_BITS = 48;
const CHUNK_PAGES = 512;
/** Share of the chunks that a vCPU reads back, mostly from a sibling, instead of writing. */
const SHARED_RATIO = 1 / 16;

export const bootStorm = defineWorkload({
  name: "boot-storm",
  describe: "VMs that boot at once: all their vCPUs populate memory",
  example: "-n 8 -v 4 -s 512M -g 4K",
  options: {
    vms: { alias: "n", kind: "count", default: "4", describe: "VMs" },
    vcpus: { alias: "v", kind: "count", default: "8", describe: "vCPUs of each" },
    size: { alias: "s", kind: "size", default: "256M", describe: "memory of each" },
    granularity: { alias: "g", kind: "size", default: "4K", describe: "host pages behind it: 4K, 2M or 1G" },
    "access-ns": { kind: "count", default: "500", describe: "from one page to the next, ns" },
    seed: { kind: "count", default: "1", describe: "of chunk lengths and who reads whose" },
    fwb: { kind: "flag", describe: "the machine has FEAT_S2FWB" },
  },
  *lines({ vms, vcpus, size, granularity, "access-ns": accessNs, seed, fwb }) {
    checkMemory(size, granularity);
    if (vms === 0 || vcpus === 0) throw new UsageError("--vms and --vcpus: expected whole numbers from 1 up");
    const random = seededRandom(seed);
    const guests = Array.from({ length: vms }, (_, vm) => ({
      lines: new TraceLines(`guest-${vm}`, 1000 * (vm + 1)),
      /** Pages handed out to the VM's vCPUs. */
      taken: 0,
      nextNs: Array.from({ length: vcpus }, () => 1000 + Math.floor(random() * 100_000)),
    }));
    if (vcpus > 998) throw new UsageError("--vcpus: expected at most 998 a VM");
    const first = guests[0] as (typeof guests)[number];
    yield TraceLines.header(
      `s2replay workload boot-storm -n ${vms} -v ${vcpus} -s ${sizeText(size)} -g ${sizeText(granularity)} --access-ns ${accessNs} --seed ${seed}`,
      { ia_bits: IPA_BITS, fwb },
    );
    for (const { lines } of guests)
      yield* lines.memslot(0, { slot: 1, gpa: GPA, bytes: size, pageBytes: granularity, logging: false });
    yield first.lines.marker(1000, "BOOT", "begin");
    const pages = size / PAGE_BYTES;
    let lastNs = 1000;
    for (;;) {
      const open = guests.filter(({ taken }) => taken < pages);
      if (open.length === 0) break;
      const guest = open.reduce((a, b) => (Math.min(...b.nextNs) < Math.min(...a.nextNs) ? b : a));
      const atNs = Math.min(...guest.nextNs);
      const vcpu = guest.nextNs.indexOf(atNs);
      const isRead = guest.taken > 0 && random() < SHARED_RATIO;
      const length = 1 + Math.floor(random() * CHUNK_PAGES);
      const from = isRead ? Math.max(0, guest.taken - length) : guest.taken;
      const count = Math.min(length, isRead ? guest.taken - from : pages - from);
      const ipa = GPA + from * PAGE_BYTES;
      yield guest.lines.run(atNs, vcpu, { ipa, stride: PAGE_BYTES, count, write: !isRead, accessNs });
      if (!isRead) guest.taken += count;
      guest.nextNs[vcpu] = atNs + count * accessNs;
      lastNs = Math.max(lastNs, guest.nextNs[vcpu]);
    }
    yield first.lines.marker(lastNs, "BOOT", "end");
  },
});
