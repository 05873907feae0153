/** The VMs and threads that a trace was found to hold, and what tied each to its VM. */

import type { ActivityFold } from "../activity/fold.js";
import { MmioRule } from "../activity/mmio.js";
import { Deed, type Thread } from "../activity/thread.js";
import { Tie, type Vm } from "../activity/vm-table.js";
import { FaultClass, faultClass, faultLevel } from "../stage2/esr.js";
import { Granule } from "../stage2/granule.js";
import { NONE, type StringTable, type TraceHeader } from "../trace/event.js";
import type { ValidateResult } from "./result-validate.js";

type WhoIsWho = ValidateResult["who"];
type ResultVm = WhoIsWho["vms"][number];
type ResultVcpu = ResultVm["vcpus"][number];
type OtherThread = ResultVm["otherThreads"][number];
type Tables = ResultVm["tables"];

/** KVM's VMMs call their vCPU threads `CPU 3/KVM` (QEMU), `fc_vcpu 3`, `vcpu3`, `kvm-vcpu-3`, `crosvm_vcpu3`. */
const vcpuComm = /(?:^CPU (\d+)\/KVM|vcpu[ _-]?(\d+))$/;

export function whoIsWho(
  fold: ActivityFold,
  strings: StringTable,
  header: TraceHeader | undefined,
): WhoIsWho {
  const text = (id: number) => (id === NONE ? null : strings.text(id));
  const startLevel =
    header?.ia_bits === undefined
      ? undefined
      : new Granule(header.granule ?? 4096, header.ia_bits).startLevel;
  const names = fold.vmNames;
  /** Where two VMs proved to be one, that one. */
  const known = (vm: number): number => (vm === NONE ? NONE : standsFor(fold.vms, vm));
  const describe = ({ pid, comm, tgid, tie, deeds }: Thread) => ({
    pid,
    comm: text(comm),
    tgid: tgid === NONE ? null : tgid,
    tiedBy: nameOf(Tie, tie),
    did: didOf(deeds),
  });
  const vms = fold.vms
    .filter((vm) => vm.is === NONE)
    .map((vm): ResultVm => {
      const ofVm = fold.threads.filter((thread) => known(thread.vm) === vm.index);
      const vcpus = numberVcpus(
        ofVm.filter(({ isVcpu }) => isVcpu),
        text,
      ).map(
        ({ thread, number, numberFrom }): ResultVcpu => ({
          number,
          numberFrom,
          ...describe(thread),
          memoryFaults: thread.faults,
          mmioAborts: thread.mmioAborts,
          firstSeenNs: thread.firstNs,
          lastSeenNs: thread.lastNs,
        }),
      );
      const others: OtherThread[] = [
        ...ofVm.filter(({ isVcpu }) => !isVcpu).map(describe),
        ...fold.threads
          .filter(
            ({ vm: now, pastVms }) =>
              known(now) !== vm.index && pastVms.some((past) => known(past) === vm.index),
          )
          .map((thread) => ({ ...describe(thread), tiedBy: "past" as const })),
      ];
      return {
        name: names[vm.index] as string,
        pgt: text(vm.pgt),
        kvm: text(vm.kvm),
        tgid: vm.tgid === NONE ? null : vm.tgid,
        tableTiedBy: vm.tie === Tie.none ? null : nameOf(Tie, vm.tie),
        firstSeenNs: Number.isNaN(vm.firstNs) ? null : vm.firstNs,
        lastSeenNs: Number.isNaN(vm.lastNs) ? null : vm.lastNs,
        destroyed: vm.isDestroyed,
        memslots: [...vm.slotsSeen.values()]
          .map(({ slot, start, bytes, logging }) => ({
            slot,
            gpa: hex(start),
            bytes,
            logging,
            deleted: !vm.memory.slots.some((there) => there.slot === slot),
          }))
          .sort((a, b) => a.slot - b.slot),
        memslotsComplete: vm.slotsSeen.size === 0 ? null : !vm.memory.isPartial,
        ...tablesOf(vm, startLevel),
        memoryFaults: vm.faults,
        faultsWithoutOperation: vm.faultsWithoutOperation,
        mmioAborts: byRule(vm.mmioAborts),
        vcpus,
        otherThreads: others,
      };
    });
  const untied = fold.threads
    .filter(({ vm, pastVms, deeds }) => vm === NONE && pastVms.length === 0 && deeds !== 0)
    .map((thread) => ({
      ...describe(thread),
      vcpu: thread.isVcpu,
      memoryFaults: thread.faults,
      mmioAborts: thread.mmioAborts,
      why: whyUntied(thread),
    }));
  return { vms, untied };
}

/** Each vCPU's number and the number of its VM, by index of its thread. */
export function vcpuNumbers(
  { vms, threads }: ActivityFold,
  strings: StringTable,
): Map<number, { readonly vm: number; readonly number: number }> {
  const text = (id: number) => (id === NONE ? null : strings.text(id));
  const numbers = new Map<number, { vm: number; number: number }>();
  const standing = vms.filter(({ is }) => is === NONE).map(({ index }) => index);
  for (const [vm, of] of standing.entries()) {
    const vcpus = threads.filter(
      (thread) => thread.isVcpu && thread.vm !== NONE && standsFor(vms, thread.vm) === of,
    );
    for (const { thread, number } of numberVcpus(vcpus, text)) numbers.set(thread.index, { vm, number });
  }
  return numbers;
}

/** Aborts that were not memory faults, by what showed it. */
export function byRule(mmioAborts: Float64Array): ResultVm["mmioAborts"] {
  const of = (rule: MmioRule) => mmioAborts[rule] as number;
  return {
    slots: of(MmioRule.slots),
    answer: of(MmioRule.answer),
    userspaceExit: of(MmioRule.userspaceExit),
    noMap: of(MmioRule.noMap),
  };
}

/** Index of the VM that `vm` proved to be. */
export function standsFor(vms: readonly Vm[], vm: number): number {
  // Where no VM was recognised, all share one that has no entry.
  const is = vms[vm]?.is ?? NONE;
  return is === NONE ? vm : standsFor(vms, is);
}

/** A vCPU's number, as its events or its thread's name say it; undefined where neither does. */
function vcpuNumberOf(
  { vcpu }: Thread,
  comm: string | null,
): { readonly number: number; readonly numberFrom: "event" | "comm" } | undefined {
  if (vcpu !== NONE) return { number: vcpu, numberFrom: "event" };
  const [, qemu, other] = vcpuComm.exec(comm ?? "") ?? [];
  const number = qemu ?? other;
  return number === undefined ? undefined : { number: Number(number), numberFrom: "comm" };
}

const unnumbered = { number: NONE, numberFrom: "order" } as const;

/** The number that the events or the thread's name say; the others are numbered in the order in which they first faulted. */
export function numberVcpus(
  vcpus: readonly Thread[],
  text: (id: number) => string | null,
): { thread: Thread; number: number; numberFrom: ResultVcpu["numberFrom"] }[] {
  const said = vcpus.map((thread) => {
    const { number, numberFrom } = vcpuNumberOf(thread, text(thread.comm)) ?? unnumbered;
    return { thread, number, numberFrom };
  });
  const taken = new Set(said.map(({ number }) => number));
  let next = 0;
  const free = () => {
    while (taken.has(next)) next++;
    return next++;
  };
  return said
    .sort((a, b) => firstFault(a.thread) - firstFault(b.thread) || a.thread.index - b.thread.index)
    .map((one) => (one.number === NONE ? { ...one, number: free(), numberFrom: "order" as const } : one))
    .sort((a, b) => a.number - b.number || a.thread.index - b.thread.index);
}

/** One that never faulted comes last. */
function firstFault({ firstFaultNs }: Thread): number {
  return Number.isNaN(firstFaultNs) ? Number.MAX_VALUE : firstFaultNs;
}

/** An empty table stops the walk at the start level; anything else shows that something had been mapped. */
function tablesOf(
  { firstAbort }: Vm,
  startLevel: number | undefined,
): { tables: Tables; firstAbort: ResultVm["firstAbort"] } {
  if (firstAbort === undefined) return { tables: "unknown", firstAbort: null };
  const kind = faultClass(firstAbort.esr);
  const level = faultLevel(firstAbort.esr);
  const isAtStart =
    kind === FaultClass.translation && (startLevel === undefined ? level <= 2 : level === startLevel);
  return {
    tables: !isAtStart ? "populated" : startLevel === undefined ? "unknown" : "empty",
    firstAbort: { atNs: firstAbort.atNs, ipa: hex(firstAbort.ipa), class: nameOf(FaultClass, kind), level },
  };
}

function didOf(deeds: number): OtherThread["did"] {
  return (Object.keys(Deed) as (keyof typeof Deed)[]).filter((name) => (deeds & Deed[name]) !== 0);
}

function whyUntied({ isVcpu, deeds, tgid }: Thread): string {
  if (isVcpu)
    return tgid === NONE
      ? "nothing of it names a table, a VM or a process"
      : "nothing of it names a table or a VM, and its process has none, or several";
  if ((deeds & Deed.teardown) !== 0) return "frees detached tables, whose lines name no VM";
  if ((deeds & Deed.tlbi) !== 0) return "invalidates TLBs of an mmu that no operation named";
  if ((deeds & Deed.notifier) !== 0) return "MMU notifiers only: nothing was unmapped";
  return "marks only";
}

function nameOf<T extends Record<string, number>>(of: T, value: number): keyof T & string {
  return Object.keys(of).find((name) => of[name] === value) as keyof T & string;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
