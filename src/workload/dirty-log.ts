/**
 * A live migration that is cancelled: guests write while dirty logging is on, and continue when it is switched off.
 * The vCPUs are at different places in memory, never in lock-step, so many of them work in a block that another one
 * splits or coalesces.
 *
 *   POPULATE  the vCPUs write their shares of the memory, one access per large page
 *   LOGGING   logging is on: bursts of writes to consecutive pages, anywhere in the working set
 *   ABORTED   logging is off: the bursts continue, but every other one reads; the blocks come back
 *
 * The times are those of a guest that never faults: the accesses of a burst come at the given rate, and each burst
 * follows the one before.
 */
import { UsageError } from "../errors.js";
import { seededRandom } from "../seeded-random.js";
import { sizeText } from "./size.js";
import { checkMemory, PAGE_BYTES, TraceLines } from "./trace-lines.js";
import { defineWorkload } from "./workload.js";

const GPA = 2 ** 30;
const IPA_BITS = 48;
/** Length of a burst, in pages. */
const BURST_PAGES = { least: 1, most: 64 };

export const dirtyLog = defineWorkload({
  name: "dirty-log",
  describe: "guests write while dirty logging is on; it is cancelled half-way (a migration called off)",
  example: "-v 8 -s 4G -g 2M --rate 200000 --seconds 0.1",
  options: {
    vcpus: { alias: "v", kind: "count", default: "4", describe: "vCPUs" },
    size: { alias: "s", kind: "size", default: "1G", describe: "the guest's memory" },
    granularity: { alias: "g", kind: "size", default: "2M", describe: "host pages behind it: 4K, 2M or 1G" },
    "working-set": { kind: "size", describe: "memory that the bursts are in (default: a quarter)" },
    rate: { kind: "count", default: "200000", describe: "accesses a second of one vCPU" },
    seconds: { kind: "seconds", default: "0.05", describe: "length of each half" },
    seed: { kind: "count", default: "1", describe: "of the places" },
    fwb: { kind: "flag", describe: "the machine has FEAT_S2FWB" },
  },
  *lines({ vcpus, size, granularity, "working-set": set, rate, seconds: halfNs, seed, fwb }) {
    checkMemory(size, granularity);
    const workingSet = set ?? Math.max(granularity, size / 4);
    if (vcpus === 0 || rate === 0)
      throw new UsageError("--vcpus and --rate: expected whole numbers from 1 up");
    if (workingSet > size || workingSet < PAGE_BYTES)
      throw new UsageError(`--working-set: expected at most ${sizeText(size)}, and a page at least`);
    const accessNs = Math.max(1, Math.round(1e9 / rate));
    const random = seededRandom(seed);
    const guest = new TraceLines("dirty-log", 1000);
    const region = { slot: 1, gpa: GPA, bytes: size, pageBytes: granularity };

    yield TraceLines.header(
      `s2replay workload dirty-log -v ${vcpus} -s ${sizeText(size)} -g ${sizeText(granularity)} --working-set ${sizeText(workingSet)} --rate ${rate} --seconds ${halfNs / 1e9} --seed ${seed}`,
      { ia_bits: IPA_BITS, fwb },
    );
    yield* guest.memslot(0, { ...region, logging: false });
    let atNs = 1000;
    yield guest.marker(atNs, "POPULATE", "begin");
    const blocks = size / granularity;
    for (let vcpu = 0; vcpu < vcpus; vcpu++) {
      const first = Math.floor((blocks * vcpu) / vcpus);
      const count = Math.floor((blocks * (vcpu + 1)) / vcpus) - first;
      const share = { ipa: GPA + first * granularity, stride: granularity, count, write: true };
      if (count > 0) yield guest.run(atNs, vcpu, share);
    }
    yield guest.marker(atNs, "POPULATE", "end");

    atNs += 1000;
    yield* guest.memslot(atNs, { ...region, logging: true }, true);
    yield* half(atNs, "LOGGING", false);
    atNs += halfNs;
    yield* guest.memslot(atNs, { ...region, logging: false });
    yield* half(atNs, "ABORTED", true);

    function* half(startNs: number, label: string, reads: boolean): Generator<string> {
      yield guest.marker(startNs, label, "begin");
      const nextNs = Array.from({ length: vcpus }, () => startNs + Math.floor(random() * accessNs * 64));
      const bursts = new Array<number>(vcpus).fill(0);
      const pages = workingSet / PAGE_BYTES;
      for (;;) {
        const vcpu = nextNs.indexOf(Math.min(...nextNs));
        const burstNs = nextNs[vcpu] as number;
        if (burstNs >= startNs + halfNs) break;
        const length = BURST_PAGES.least + Math.floor(random() * BURST_PAGES.most);
        const page = Math.floor(random() * pages);
        const count = Math.min(length, pages - page);
        const write = !reads || (bursts[vcpu] as number) % 2 === 0;
        yield guest.run(burstNs, vcpu, {
          ipa: GPA + page * PAGE_BYTES,
          stride: PAGE_BYTES,
          count,
          write,
          accessNs,
        });
        bursts[vcpu] = (bursts[vcpu] as number) + 1;
        nextNs[vcpu] = burstNs + count * accessNs;
      }
      yield guest.marker(startNs + halfNs, label, "end");
    }
  },
});
