/** Formats the VMs and threads that validate found, in at most 80 columns. JSON has what is cut short. */

import type { ValidateResult } from "../compare/result-validate.js";
import { fill } from "./fill.js";
import { formatBytes, formatCount, formatNs, formatPlural, printable } from "./quantity.js";
import { plainTable } from "./terminal.js";

type Who = ValidateResult["who"];
type Vm = Who["vms"][number];
type Vcpu = Vm["vcpus"][number];
type Thread = Vm["otherThreads"][number];

const vmsShown = 16;
const vcpusShown = 16;
/** Maximum number of slots, of other threads, and of threads without a VM. */
const itemsShown = 8;

/** One block of lines for each VM, and one for the threads that are tied to none. */
export function whoIsWho({ who }: ValidateResult): string[][] {
  // VMs that never ran come last.
  const vms = [...who.vms].sort((a, b) => Number(b.vcpus.length > 0) - Number(a.vcpus.length > 0));
  const more = vms.length - vmsShown;
  return [
    ...vms.slice(0, vmsShown).map(vmLines),
    ...(more > 0 ? [[`and ${formatPlural(more, "more VM")}`]] : []),
    untiedLines(who.untied),
  ];
}

function vmLines(vm: Vm): string[] {
  const { firstSeenNs, lastSeenNs, pgt, kvm, tgid, vcpus } = vm;
  const seen = firstSeenNs === null ? [] : [`seen ${formatNs(firstSeenNs)} to ${formatNs(lastSeenNs ?? 0)}`];
  const names = [
    ...(pgt !== null && pgt !== vm.name ? [`pgt ${pgt}`] : []),
    ...(kvm !== null && kvm !== vm.name ? [`kvm ${kvm}`] : []),
    ...(tgid !== null ? [`tgid ${tgid}`] : []),
  ];
  const lines = fill(
    "VM ",
    [printable(vm.name), ...names, ...seen, ...(vm.destroyed ? ["destroyed"] : [])],
    ", ",
  );
  if (vm.memslots.length > 0) lines.push(...fill("  memslots   ", slotsOf(vm)));
  if (vcpus.length > 0) {
    lines.push(
      ...fill("  tables     ", [tablesOf(vm)]),
      ...fill("  memory     ", faultsOf(vm)),
      ...fill("  MMIO       ", mmioOf(vm)),
      ...vcpuLines(vcpus),
    );
  }
  if (vm.otherThreads.length > 0)
    lines.push(...fill("  others     ", capped(vm.otherThreads.map(threadText))));
  return lines;
}

function slotsOf({ memslots, memslotsComplete, tableTiedBy, destroyed }: Vm): string[] {
  const slots = memslots.map(
    ({ slot, gpa, bytes, logging, deleted }) =>
      `${slot}: ${gpa} + ${formatBytes(bytes)}${logging ? " logging" : ""}${deleted && !destroyed ? " (deleted)" : ""}`,
  );
  return [
    ...capped(slots),
    ...(memslotsComplete === false ? ["not all: memory was mapped outside them"] : []),
    ...(tableTiedBy === "slots" ? ["tied to the table as the only VM without one"] : []),
  ];
}

function tablesOf({ tables, firstAbort }: Vm): string {
  if (firstAbort === null) return "unknown: no abort on memory";
  const { class: kind, level } = firstAbort;
  const words = { empty: "empty", populated: "already populated", unknown: "unknown" };
  const abort = kind === "accessFlag" ? "access flag" : kind;
  return `${words[tables]} at the first abort (${abort}, level ${level})`;
}

function faultsOf({ memoryFaults, faultsWithoutOperation }: Vm): string[] {
  const bare =
    faultsWithoutOperation === 0 ? [] : [`${formatCount(faultsWithoutOperation)} without an operation`];
  return [formatPlural(memoryFaults, "fault"), ...bare];
}

function mmioOf({ mmioAborts: { slots, answer, userspaceExit, noMap } }: Vm): string[] {
  const shown: [number, string][] = [
    [slots, "outside the memslots"],
    [answer, "left to the VMM (the handler answered 0)"],
    [userspaceExit, "left to the VMM (KVM_EXIT_MMIO)"],
    [noMap, "that nothing was mapped for (no memslots known)"],
  ];
  const parts = shown.filter(([n]) => n > 0).map(([n, how]) => `${formatPlural(n, "abort")} ${how}`);
  return parts.length === 0 ? ["none"] : parts;
}

const numberings = { event: "the events", comm: "their names", order: "the order of first faults" };

function vcpuLines(vcpus: readonly Vcpu[]): string[] {
  const from = [...new Set(vcpus.map(({ numberFrom }) => numberings[numberFrom]))].join(" and ");
  const rows = plainTable(["right", "right", "left", "right", "right", "left"]);
  for (const { number, pid, comm, memoryFaults, mmioAborts, did } of vcpus.slice(0, vcpusShown)) {
    rows.push([
      `    ${number}`,
      String(pid),
      printable(comm ?? ""),
      formatPlural(memoryFaults, "fault"),
      `${formatCount(mmioAborts)} MMIO`,
      did.includes("fault") ? "" : did.includes("access") ? "accesses" : "entered only",
    ]);
  }
  const lines = [
    ...fill("  vCPUs      ", [`${rangesOf(vcpus)}, numbered by ${from}`]),
    ...rows
      .toString()
      .split("\n")
      .map((line) => line.trimEnd()),
  ];
  const rest = vcpus.slice(vcpusShown);
  if (rest.length > 0) {
    const faults = rest.reduce((sum, { memoryFaults }) => sum + memoryFaults, 0);
    const mmio = rest.reduce((sum, { mmioAborts }) => sum + mmioAborts, 0);
    lines.push(
      `    and ${formatCount(rest.length)} more: ${formatPlural(faults, "fault")}, ${formatCount(mmio)} MMIO`,
    );
  }
  return lines;
}

/** `0-3, 7`; a number that several vCPUs have is shown once. */
function rangesOf(vcpus: readonly Vcpu[]): string {
  const ranges: { from: number; to: number }[] = [];
  for (const { number } of vcpus) {
    const last = ranges.at(-1);
    if (last !== undefined && number <= last.to + 1) last.to = number;
    else ranges.push({ from: number, to: number });
  }
  const shown = ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  return capped(shown).join(", ");
}

const ties = {
  none: "",
  vm: "by its vm field",
  pgt: "by its operations",
  kvm: "by the kvm pointer",
  memslot: "by its memslots",
  mmu: "by the mmu pointer",
  tgid: "by its process",
  slots: "by the slots",
};
const deeds = {
  fault: "faults",
  entry: "entries",
  access: "accesses",
  memslot: "memslots",
  operation: "operations",
  notifier: "notifiers",
  tlbi: "TLBIs",
  teardown: "teardown",
  marker: "marks",
};

function threadText({ pid, comm, did, tiedBy }: Thread): string {
  if (tiedBy === "past") return `${pid} ${printable(comm ?? "")}, earlier`;
  const doing = did.map((deed) => deeds[deed]).join(", ");
  return `${pid} ${printable(comm ?? "")}, ${ties[tiedBy]}: ${doing}`;
}

function untiedLines(untied: Who["untied"]): string[] {
  if (untied.length === 0) return [];
  const texts = untied.map(
    ({ pid, comm, why, memoryFaults, mmioAborts }) =>
      `${pid} ${printable(comm ?? "")}: ${why}${memoryFaults + mmioAborts > 0 ? ` (${formatPlural(memoryFaults, "fault")}, ${formatCount(mmioAborts)} MMIO)` : ""}`,
  );
  return ["tied to no VM", ...capped(texts).flatMap((text) => fill("  ", [text]))];
}

function capped(items: readonly string[]): string[] {
  const more = items.length - itemsShown;
  return more > 0 ? [...items.slice(0, itemsShown), `and ${formatCount(more)} more`] : [...items];
}
