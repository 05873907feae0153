/** Describes the VMs and threads found in a trace, and what tied each thread to its VM. */

import type { ActivityFold } from "../activity/fold.js";
import { MmioRule } from "../activity/mmio.js";
import { type Thread, ThreadWork } from "../activity/thread.js";
import { numberVcpus, standsFor } from "../activity/vcpu-numbers.js";
import { type Vm, VmEvidence } from "../activity/vm-table.js";
import { FaultClass, faultClass, faultLevel } from "../stage2/esr.js";
import { Granule } from "../stage2/granule.js";
import { NONE, type StringTable, type TraceHeader } from "../trace/event.js";
import type { ValidateResult } from "./result-validate.js";

type WhoIsWho = ValidateResult["who"];
type ResultVm = WhoIsWho["vms"][number];
type ResultVcpu = ResultVm["vcpus"][number];
type OtherThread = ResultVm["otherThreads"][number];
type Tables = ResultVm["tables"];

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
  /** The VM itself, or the one that it turned out to be. */
  const known = (vm: number): number => (vm === NONE ? NONE : standsFor(fold.vms, vm));
  const describe = ({ pid, comm, tgid, tie, did }: Thread) => ({
    pid,
    comm: text(comm),
    tgid: tgid === NONE ? null : tgid,
    tiedBy: nameOf(VmEvidence, tie),
    did: didOf(did),
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
        tableTiedBy: vm.tie === VmEvidence.none ? null : nameOf(VmEvidence, vm.tie),
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
    .filter(({ vm, pastVms, did }) => vm === NONE && pastVms.length === 0 && did !== 0)
    .map((thread) => ({
      ...describe(thread),
      vcpu: thread.isVcpu,
      memoryFaults: thread.faults,
      mmioAborts: thread.mmioAborts,
      why: whyUntied(thread),
    }));
  return { vms, untied };
}

/** Counts of aborts that were not memory faults, by the rule that showed it. */
export function byRule(mmioAborts: Float64Array): ResultVm["mmioAborts"] {
  const of = (rule: MmioRule) => mmioAborts[rule] as number;
  return {
    slots: of(MmioRule.slots),
    answer: of(MmioRule.answer),
    userspaceExit: of(MmioRule.userspaceExit),
    noMap: of(MmioRule.noMap),
  };
}

/** An empty table stops the walk at the start level; any other fault shows that something was mapped before. */
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

function didOf(did: number): OtherThread["did"] {
  return (Object.keys(ThreadWork) as (keyof typeof ThreadWork)[]).filter(
    (name) => (did & ThreadWork[name]) !== 0,
  );
}

function whyUntied({ isVcpu, did, tgid }: Thread): string {
  if (isVcpu)
    return tgid === NONE
      ? "nothing of it names a table, a VM or a process"
      : "nothing of it names a table or a VM, and its process has none, or several";
  if ((did & ThreadWork.teardown) !== 0) return "frees detached tables, whose lines name no VM";
  if ((did & ThreadWork.tlbi) !== 0) return "invalidates TLBs of an mmu that no operation named";
  if ((did & ThreadWork.notifier) !== 0) return "MMU notifiers only: nothing was unmapped";
  return "marks only";
}

function nameOf<T extends Record<string, number>>(of: T, value: number): keyof T & string {
  return Object.keys(of).find((name) => of[name] === value) as keyof T & string;
}

function hex(address: number): string {
  return `0x${address.toString(16)}`;
}
