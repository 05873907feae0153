/** The vCPU number and VM of a thread. */

import { NONE, type StringTable } from "../trace/event.js";
import type { ActivityFold } from "./fold.js";
import type { Thread } from "./thread.js";
import type { Vm } from "./vm-table.js";

/** KVM's VMMs call their vCPU threads `CPU 3/KVM` (QEMU), `fc_vcpu 3`, `vcpu3`, `kvm-vcpu-3`, `crosvm_vcpu3`. */
const vcpuComm = /(?:^CPU (\d+)\/KVM|vcpu[ _-]?(\d+))$/;

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

/** Index of the VM that `vm` proved to be. */
export function standsFor(vms: readonly Vm[], vm: number): number {
  // If no VM was recognised, all threads share one that has no entry.
  const is = vms[vm]?.is ?? NONE;
  return is === NONE ? vm : standsFor(vms, is);
}

/** A vCPU's number from its events or its thread's name; undefined if neither has one. */
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

/** Numbers vCPUs by their events or thread names; the others get numbers in the order of their first faults. */
export function numberVcpus(
  vcpus: readonly Thread[],
  text: (id: number) => string | null,
): { thread: Thread; number: number; numberFrom: "event" | "comm" | "order" }[] {
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

/** A vCPU that never faulted comes last. */
function firstFault({ firstFaultNs }: Thread): number {
  return Number.isNaN(firstFaultNs) ? Number.MAX_VALUE : firstFaultNs;
}
