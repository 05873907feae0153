/** A trace.dat as large as one likes: four vCPU threads on four cpus fault and map, by turns. */

import {
  EventKind,
  type Machine,
  pagesOf,
  type WrittenFile,
  writeTraceDat,
} from "./trace-dat-writer.test.support.js";

const CPUS = 4;
const PAGE = 4096;
const NS_BETWEEN = 900n;

export function benchTraceDat(events: number, compression: WrittenFile["compression"] & string): Buffer {
  const machine: Machine = { bigEndian: false, longSize: 8 };
  // What trace-cmd prints is what tracefs' own format files say of such events.
  const probe = (name: string, id: number, ...fields: string[]): EventKind => {
    const names = fields.map((field) => field.split(" ").at(-1)!);
    const values = names.map((field) => (field === "ret" ? " ret=%d" : ` ${field}=0x%Lx`)).join("");
    const isReturn = name.endsWith("_ret");
    const places = isReturn ? ["__probe_func", "__probe_ret_ip"] : ["__probe_ip"];
    const head = isReturn ? "(%lx <- %lx)" : "(%lx)";
    const given = [...places, ...names].map((field) => `REC->${field}`).join(", ");
    const longs = places.map((place) => `unsigned long ${place}`);
    return new EventKind(machine, "kprobes", name, id, [...longs, ...fields], `"${head}${values}", ${given}`);
  };
  const fault = new EventKind(
    machine,
    "kvm",
    "kvm_guest_fault",
    60,
    ["unsigned long vcpu_pc", "unsigned long hsr", "unsigned long hxfar", "unsigned long long ipa"],
    '"ipa %#llx, hsr %#08lx, hxfar %#08lx, pc %#016lx", REC->ipa, REC->hsr, REC->hxfar, REC->vcpu_pc',
  );
  const abort = probe("s2_abort", 1340);
  const abortRet = probe("s2_abort_ret", 1341, "s32 ret");
  const map = probe("s2_map", 1347, "u64 pgt", "u64 addr", "u64 size", "u64 phys", "u32 prot");
  const mapRet = probe("s2_map_ret", 1348, "s32 ret");
  function* recorded(cpu: number): Generator<readonly [bigint, Buffer]> {
    const pid = 188 + cpu;
    for (let index = 0; index < events / CPUS; index++) {
      const at = 2_000_000_000n + NS_BETWEEN * BigInt(index * CPUS + cpu);
      const ipa = 0x1_0000_0000n + 4096n * BigInt(Math.floor(index / 5) * CPUS + cpu);
      const turn = index % 5;
      if (turn === 0) yield [at, fault.record(pid, 0x4009a4, 0x92000047, 0xac4fb0, ipa)];
      else if (turn === 1) yield [at, abort.record(pid, 0xffff_8000_0805_c300n)];
      else if (turn === 2)
        yield [
          at,
          map.record(pid, 0xffff_8000_0808_c070n, 0xffff_0001_40b8_6d80n, ipa, 4096, ipa + 0x8000_0000n, 7),
        ];
      else if (turn === 3) yield [at, mapRet.record(pid, 0xffff_8000_0808_c070n, 0xffff_8000_0805_f8c0n, 0)];
      else yield [at, abortRet.record(pid, 0xffff_8000_0805_c300n, 0xffff_8000_0805_f8c0n, 1)];
    }
  }
  return writeTraceDat({
    version: 7,
    machine,
    compression,
    kinds: [fault, abort, abortRet, map, mapRet],
    comms: Array.from({ length: CPUS }, (_, cpu) => [188 + cpu, "kvm_page_table_"] as const),
    buffers: [
      {
        name: "",
        cpus: Array.from({ length: CPUS }, (_, cpu) => ({
          cpu,
          pages: pagesOf(machine, PAGE, recorded(cpu)),
        })),
      },
    ],
  });
}
