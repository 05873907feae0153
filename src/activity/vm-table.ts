import { NONE, type StringTable } from "../trace/event.js";
import type { Activity } from "./activity.js";
import { MmioRule } from "./mmio.js";
import { type SlotChange, VmMemory } from "./vm.js";

/** The evidence that ties a thread to its VM, or a VM's slots to its table. The first that holds decides. */
export const VmEvidence = {
  none: 0,
  /** The event's own `vm`. */
  vm: 1,
  /** An operation of the thread named the page table. */
  pgt: 2,
  /** A memslot change named the struct kvm. */
  kvm: 3,
  /** Its memslot change came before any table: the next table that this thread names belongs to it. */
  memslot: 4,
  /** A TLB invalidation named an `mmu` that an operation of the VM had flushed. */
  mmu: 5,
  /** The only VM of its process. */
  tgid: 6,
  /** The only VM without a table, and the first map lies in its slots. */
  slots: 7,
} as const;
export type VmEvidence = (typeof VmEvidence)[keyof typeof VmEvidence];

/** One VM, as far as its events have been folded. */
export class Vm {
  readonly memory = new VmMemory();
  /** Each slot as last set; deleted slots are kept. */
  readonly slotsSeen = new Map<number, SlotChange>();
  /** Interned names of the VM; NONE = not seen. */
  pgt = NONE;
  kvm = NONE;
  name = NONE;
  tgid = NONE;
  /** The evidence that tied its slots to its table, if the slots came first. */
  tie: VmEvidence = VmEvidence.none;
  isDestroyed = false;
  /** The VM that this one turned out to be, when its table and its slots were tied; NONE = it is a VM of its own. */
  is = NONE;
  /** Time span of its activities, ns; NaN before the first. */
  firstNs = Number.NaN;
  lastNs = Number.NaN;
  openEpisodes = 0;
  /** Episodes begun so far. */
  episodes = 0;
  /** Durations of the deferred tear-downs since its last activity. */
  readonly teardownNs: number[] = [];
  /** When the last operation returned; -Infinity before the first. */
  lastOperationNs = Number.NEGATIVE_INFINITY;
  /** Aborts on memory, with each lap counted. */
  faults = 0;
  /** Those of them for which nothing was mapped, relaxed or aged. */
  faultsWithoutOperation = 0;
  /** By MmioRule. */
  readonly mmioAborts = new Float64Array(Object.keys(MmioRule).length);
  /** Its first abort on memory: the status shows whether the table was empty. */
  firstAbort: { readonly atNs: number; readonly ipa: number; readonly esr: number } | undefined;

  constructor(readonly index: number) {}

  changeSlot(change: SlotChange): void {
    this.memory.change(change);
    if (change.bytes > 0) this.slotsSeen.set(change.slot, change);
  }

  /** An abort on memory. */
  countFault({ startNs, ipa, esr, operationCount }: Activity): void {
    this.faults++;
    if (operationCount === 0) this.faultsWithoutOperation++;
    this.firstAbort ??= { atNs: startNs, ipa, esr };
  }

  countMmio(rule: MmioRule): void {
    this.mmioAborts[rule] = (this.mmioAborts[rule] as number) + 1;
  }

  seen(fromNs: number, toNs: number): void {
    if (!(this.firstNs <= fromNs)) this.firstNs = fromNs;
    if (!(this.lastNs >= toNs)) this.lastNs = toNs;
  }
}

/** The VMs of a trace, as far as it has been folded, in the order in which they were first seen. */
export class VmTable {
  readonly all: Vm[] = [];
  /** Index of the VM by interned pointer or name (NONE = destroyed). */
  private readonly byPgt: number[] = [];
  private readonly byKvm: number[] = [];
  private readonly byMmu: number[] = [];
  private readonly byName: number[] = [];

  constructor(private readonly strings: StringTable) {}

  /** Display names, by index. */
  get names(): readonly string[] {
    return this.all.map(({ name, pgt, kvm }) => {
      const id = [name, pgt, kvm].find((known) => known !== NONE);
      return id === undefined ? "?" : this.strings.text(id);
    });
  }

  /** Number of VMs that took a fault. */
  get withFaults(): number {
    return this.all.reduce((sum, { episodes }) => sum + (episodes > 0 ? 1 : 0), 0);
  }

  at(vm: number): Vm {
    return this.all[vm] as Vm;
  }

  memory(vm: number): VmMemory | undefined {
    return this.all[vm]?.memory;
  }

  /** Adds a VM that nothing names yet. */
  add(): Vm {
    const vm = new Vm(this.all.length);
    this.all.push(vm);
    return vm;
  }

  /** The VM whose table this pointer names; NONE if it is new. */
  ofPgt(pgt: number): number {
    return this.byPgt[pgt] ?? NONE;
  }

  hasPgt(vm: number, pgt: number): boolean {
    const known = this.at(vm);
    return known.pgt === pgt && known.name === NONE && !known.isDestroyed;
  }

  ofMmu(mmu: number): number {
    return this.byMmu[mmu] ?? NONE;
  }

  ofKvm(kvm: number): number {
    return this.byKvm[kvm] ?? NONE;
  }

  /** The VM that events call by this name. */
  named(name: number): number {
    const known = this.byName[name] ?? NONE;
    if (known >= 0) return known;
    const vm = this.add();
    vm.name = name;
    return set(this.byName, name, vm.index);
  }

  namePgt(vm: Vm, pgt: number): void {
    vm.pgt = pgt;
    set(this.byPgt, pgt, vm.index);
  }

  nameKvm(vm: Vm, kvm: number): void {
    vm.kvm = kvm;
    set(this.byKvm, kvm, vm.index);
  }

  nameMmu(vm: number, mmu: number): void {
    set(this.byMmu, mmu, vm);
  }

  /** The only live VM that passes; NONE if there are none or several. */
  only(passes: (vm: Vm) => boolean): number {
    let found = NONE;
    for (const vm of this.all) {
      if (vm.isDestroyed || vm.is !== NONE || !passes(vm)) continue;
      if (found !== NONE) return NONE;
      found = vm.index;
    }
    return found;
  }

  /** The table is gone: the same pointer values belong to another VM from now on. A name still belongs to this VM. */
  destroy(vm: number): void {
    this.at(vm).isDestroyed = this.at(vm).name === NONE;
    for (const index of [this.byPgt, this.byKvm, this.byMmu])
      for (let id = index.indexOf(vm); id >= 0; id = index.indexOf(vm, id)) index[id] = NONE;
  }
}

function set(index: number[], id: number, vm: number): number {
  while (index.length <= id) index.push(NONE);
  index[id] = vm;
  return vm;
}
