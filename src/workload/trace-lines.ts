import { UsageError } from "../errors.js";
import { type HeaderFields, writeHeader } from "../trace/header.js";
import { sizeText } from "./size.js";

/** Host page size, the smallest that stage 2 maps. */
export const PAGE_BYTES = 4096;
const GRANULE = 4096;

/** Writes the lines of one VM of a workload's trace; each line has its newline. */
export class TraceLines {
  /**
   * @param vm its name
   * @param firstPid the VMM's thread; vCPU n is firstPid + 1 + n
   */
  constructor(
    private readonly vm: string,
    private readonly firstPid: number,
  ) {}

  /** A trace's first line. */
  static header(source: string, fields: Pick<HeaderFields, "ia_bits" | "fwb">): string {
    return writeHeader({ arch: "arm64", granule: GRANULE, ...fields, source });
  }

  /** KVM_SET_USER_MEMORY_REGION. With `protects` it also write-protects the slot, which takes no time of its own. */
  *memslot(
    atNs: number,
    region: { slot: number; gpa: number; bytes: number; pageBytes: number; logging: boolean },
    protects = false,
  ): Generator<string> {
    const { slot, gpa, bytes, pageBytes, logging } = region;
    const range = `"size":"${hex(bytes)}"`;
    yield this.host(
      atNs,
      `"memslot","vm":"${this.vm}","slot":${slot},"flags":"${hex(logging ? 1 : 0)}","gpa":"${hex(gpa)}",${range},"page_size":"${hex(pageBytes)}"`,
    );
    if (protects) {
      yield this.host(
        atNs,
        `"s2_wrprotect","vm":"${this.vm}","pgt":"${hex(this.firstPid)}","addr":"${hex(gpa)}",${range}`,
      );
      yield this.host(atNs, `"s2_wrprotect_ret","vm":"${this.vm}","ret":0`);
    }
    yield this.host(atNs, `"memslot_ret","vm":"${this.vm}","ret":0`);
  }

  marker(atNs: number, text: string, phase: "begin" | "end"): string {
    return this.host(atNs, `"marker","text":"${text}","phase":"${phase}"`);
  }

  /** @param accessNs time from one access to the next; undefined leaves it to the profile (`guestReadNs`) */
  run(
    atNs: number,
    vcpu: number,
    run: { ipa: number; stride: number; count: number; write: boolean; accessNs?: number },
  ): string {
    const { ipa, stride, count, write, accessNs } = run;
    const think = accessNs === undefined ? "" : `,"think_ns":${accessNs}`;
    return this.line(
      atNs,
      1 + vcpu,
      `CPU ${vcpu}/KVM`,
      `"guest_access_run","vm":"${this.vm}","vcpu":${vcpu},"ipa":"${hex(ipa)}","stride":"${hex(stride)}","count":${count},"write":${write}${think}`,
    );
  }

  private host(atNs: number, rest: string): string {
    return this.line(atNs, 0, "vmm", rest);
  }

  private line(atNs: number, thread: number, comm: string, rest: string): string {
    return `{"ts_ns":${atNs},"cpu":${thread},"pid":${this.firstPid + thread},"comm":"${comm}","event":${rest}}\n`;
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

/** Throws UsageError unless `size` is a memory size that a slot with host pages of `granularity` can have. */
export function checkMemory(size: number, granularity: number): void {
  if (![PAGE_BYTES, 2 ** 21, 2 ** 30].includes(granularity))
    throw new UsageError(`--granularity: expected 4K, 2M or 1G, got ${sizeText(granularity)}`);
  if (size % granularity !== 0 || size > 2 ** 46)
    throw new UsageError(
      `--size: expected a multiple of ${sizeText(granularity)} and at most 64T, got ${sizeText(size)}`,
    );
}
