/**
 * Identity: the thread that an event belongs to, and the VM that a thread works for.
 *
 * A pid is not always the same thread. It becomes another thread when its events show another process (`tgid`), or when
 * it faults or sets up memory again after its VM's table was destroyed. A vCPU belongs to one VM, so a pid that faults
 * in another VM (its map names another table, its event another `vm`) is another vCPU from then on, and the first one
 * again when it returns to that VM. A new comm alone proves nothing: prctl renames threads.
 *
 * Any thread may run an operation for any VM: reclaim unmaps whatever it finds. If a vCPU's thread does this for
 * another VM, that is neither part of its episode nor a move: it is done *aside*, as if by a separate thread.
 */

import { type EventBatch, Kind, NONE, type StringTable } from "../trace/event.js";
import { ActivityKind, OperationKind } from "./activity.js";
import { Thread } from "./thread.js";
import { type Vm, VmEvidence, VmTable } from "./vm-table.js";

/** Events inside an operation: they do not end one. */
const insideOperation = flags(
  Kind.s2_map_ret,
  Kind.s2_unmap_ret,
  Kind.s2_wrprotect_ret,
  Kind.s2_flush_ret,
  Kind.s2_relax_perms_ret,
  Kind.s2_split_ret,
  Kind.s2_destroy_ret,
  Kind.s2_break,
  Kind.s2_install,
  Kind.s2_teardown,
  Kind.s2_teardown_ret,
  Kind.tlb_vmid,
  Kind.tlb_vmid_ret,
  Kind.tlb_ipa,
  Kind.tlb_range,
);

/** Events that show that a pid goes on after its VM is gone. The rest of an exit does not, nor does a marker. */
const beginsAnew = flags(
  Kind.s2_abort,
  Kind.kvm_guest_fault,
  Kind.kvm_entry,
  Kind.guest_access,
  Kind.guest_access_run,
  Kind.memslot,
  Kind.s2_map,
  Kind.s2_unmap,
  Kind.s2_wrprotect,
  Kind.s2_flush,
  Kind.s2_relax_perms,
  Kind.s2_mkyoung,
  Kind.s2_split,
  Kind.s2_destroy,
);

/** Events of a vCPU about its own VM. */
const ofGuest = flags(
  Kind.kvm_guest_fault,
  Kind.kvm_access_fault,
  Kind.kvm_entry,
  Kind.kvm_exit,
  Kind.kvm_userspace_exit,
  Kind.s2_abort,
  Kind.guest_access,
  Kind.guest_access_run,
);

const isFaultPath = flags(OperationKind.map, OperationKind.relaxPerms, OperationKind.makeYoung);

export interface IdentitySink {
  /** The thread's pid becomes another thread: ends what the thread has open. */
  left(thread: Thread): void;
  /** The open episode turns out to belong to another vCPU of the same pid. */
  moved(from: Thread, to: Thread): void;
  /** The memory recorded for one VM turns out to belong to another. */
  merged(from: Vm, to: Vm): void;
}

export class Identity {
  readonly threads: Thread[] = [];
  readonly vms: VmTable;
  private readonly byPid = new Map<number, Thread>();

  constructor(
    strings: StringTable,
    private readonly sink: IdentitySink,
  ) {
    this.vms = new VmTable(strings);
  }

  /** The thread of a pid; undefined if the pid has had no event. */
  known(pid: number): Thread | undefined {
    return this.byPid.get(pid);
  }

  /** The thread of a row's event. */
  threadOf(batch: EventBatch, i: number): Thread {
    const pid = batch.pid[i] as number;
    const kind = batch.kind[i] as number;
    let thread = this.byPid.get(pid) ?? this.add(pid);
    if (thread.asideOf !== undefined && (thread.open === undefined || insideOperation[kind] === 0))
      thread = this.comeBack(thread, thread.asideOf);
    if (thread.isVmGone && beginsAnew[kind] === 1) thread = this.outlive(thread);
    const tgid = batch.tgid[i] as number;
    if (tgid !== NONE && tgid !== thread.tgid) thread = this.inProcess(thread, tgid);
    const name = batch.vm[i] as number;
    if (name !== NONE) thread = this.inNamedVm(thread, this.vms.named(name), kind);
    const vcpu = batch.vcpu[i] as number;
    if (vcpu !== NONE) thread.vcpu = vcpu;
    if (batch.comm[i] !== NONE) thread.comm = batch.comm[i] as number;
    return thread;
  }

  /** The thread that runs the operation that begins with this row's event, in the operation's VM. */
  ofOperation(thread: Thread, kind: OperationKind, batch: EventBatch, i: number): Thread {
    const isNamed = batch.vm[i] !== NONE;
    // The usual case: a vCPU on its own table.
    if (
      !isNamed &&
      thread.isProven &&
      thread.slotChange === undefined &&
      this.vms.hasPgt(thread.vm, batch.pgt[i] as number)
    )
      return thread;
    const isOwn = thread.open?.kind === ActivityKind.fault && isFaultPath[kind] === 1;
    const vm = isNamed
      ? this.vms.named(batch.vm[i] as number)
      : this.ofTable(thread, isOwn, batch.pgt[i] as number, batch.addr[i] as number);
    if (isNamed && batch.pgt[i] !== NONE) this.vms.at(vm).pgt = batch.pgt[i] as number;
    if (vm === NONE) return thread;
    let runner = thread;
    if (vm !== thread.vm) {
      if (thread.isVcpu && !isOwn) runner = this.aside(thread, vm);
      else if (thread.isProven) runner = this.otherVcpu(thread, vm);
      else this.setVm(thread, vm, isNamed ? VmEvidence.vm : VmEvidence.pgt);
    }
    if (isOwn) this.prove(runner);
    return runner;
  }

  /** The vCPU begins an episode. If it has no VM yet, it is assumed to be in its process's only VM. */
  beginEpisode(thread: Thread): void {
    thread.isVcpu = true;
    if (thread.vm !== NONE || thread.tgid === NONE) return;
    const vm = this.vms.only(({ tgid }) => tgid === thread.tgid);
    if (vm !== NONE) this.setVm(thread, vm, VmEvidence.tgid);
  }

  /** A TLB invalidation: inside an operation it shows whose `mmu` it is, elsewhere which VM the thread works for. */
  invalidates(thread: Thread, mmu: number): void {
    if (mmu === NONE) return;
    const known = this.vms.ofMmu(mmu);
    if (thread.operation !== undefined) {
      if (thread.vm !== NONE && known !== thread.vm) this.vms.nameMmu(thread.vm, mmu);
    } else if (thread.vm === NONE && known !== NONE) this.setVm(thread, known, VmEvidence.mmu);
  }

  /** The VM whose memory the thread's slot change is about; `kvm` is the one that the change named, or NONE. */
  ofSlotChange(thread: Thread, kvm: number): Vm {
    const vm = this.vms.at(this.slotChangeVm(thread, kvm));
    if (kvm !== NONE && vm.kvm === NONE) this.vms.nameKvm(vm, kvm);
    if (vm.tgid === NONE) vm.tgid = thread.tgid;
    if (vm.index !== thread.vm && !thread.isProven)
      this.setVm(thread, vm.index, kvm === NONE ? VmEvidence.memslot : VmEvidence.kvm);
    return vm;
  }

  /** The table's destruction began: its pointer and its threads belong to another VM from now on. */
  destroy(vm: number): void {
    if (vm < 0) return;
    this.vms.destroy(vm);
    if (!this.vms.at(vm).isDestroyed) return;
    for (const thread of this.threads) if (thread.vm === vm) thread.isVmGone = true;
  }

  private slotChangeVm(thread: Thread, kvm: number): number {
    const known = kvm === NONE ? NONE : this.vms.ofKvm(kvm);
    if (known !== NONE) return known;
    const own = thread.vm === NONE ? undefined : this.vms.at(thread.vm);
    // Another struct kvm is another VM, regardless of what the thread did last.
    if (own !== undefined && (kvm === NONE || own.kvm === NONE)) return own.index;
    const ofProcess = thread.tgid === NONE ? NONE : this.vms.only((vm) => vm.tgid === thread.tgid);
    if (ofProcess !== NONE && (kvm === NONE || this.vms.at(ofProcess).kvm === NONE)) return ofProcess;
    return this.vms.add().index;
  }

  /** The VM of a table; NONE if the operation names none. */
  private ofTable(thread: Thread, isOwn: boolean, pgt: number, ipa: number): number {
    if (pgt === NONE) return NONE;
    const known = this.vms.ofPgt(pgt);
    const vm = known === NONE ? this.newTable(thread, isOwn, pgt, ipa) : this.vms.at(known);
    const { slotChange, slotKvm } = thread;
    // During a slot change, an operation on the slot's memory shows whose struct kvm it is.
    if (slotChange !== undefined && slotKvm !== NONE && vm.kvm === NONE) {
      if (slotChange.bytes === 0 || (ipa >= slotChange.start && ipa < slotChange.start + slotChange.bytes)) {
        const ofKvm = this.vms.ofKvm(slotKvm);
        if (ofKvm !== NONE && this.vms.at(ofKvm).pgt === NONE) this.merge(this.vms.at(ofKvm), vm);
        if (ofKvm === NONE || this.vms.at(ofKvm).is === vm.index) this.vms.nameKvm(vm, slotKvm);
      }
    }
    return vm.index;
  }

  /** Finds the VM of a table seen for the first time; only the VM's slots may be known so far. */
  private newTable(thread: Thread, isOwn: boolean, pgt: number, ipa: number): Vm {
    const { tgid } = thread;
    const lacksTable = (vm: Vm) => vm.pgt === NONE && vm.name === NONE;
    const own = thread.vm;
    let found = NONE;
    let tie: VmEvidence = VmEvidence.none;
    if (own !== NONE && lacksTable(this.vms.at(own)) && (isOwn || !thread.isVcpu)) {
      found = own;
      tie = thread.tie;
    }
    if (found === NONE && isOwn && tgid !== NONE) {
      found = this.vms.only((vm) => lacksTable(vm) && vm.tgid === tgid);
      tie = VmEvidence.tgid;
    }
    if (found === NONE && isOwn) {
      found = this.vms.only(
        (vm) => lacksTable(vm) && (vm.tgid === NONE || tgid === NONE) && vm.memory.isMemory(ipa) === true,
      );
      tie = VmEvidence.slots;
    }
    const vm = found === NONE ? this.vms.add() : this.vms.at(found);
    if (found !== NONE) vm.tie = tie;
    this.vms.namePgt(vm, pgt);
    return vm;
  }

  private merge(from: Vm, to: Vm): void {
    from.is = to.index;
    for (const thread of this.threads) {
      if (thread.vm !== from.index) continue;
      const { isProven } = thread;
      this.setVm(thread, to.index, VmEvidence.kvm);
      thread.isProven = isProven;
    }
    this.sink.merged(from, to);
  }

  private prove(thread: Thread): void {
    if (thread.isProven) return;
    thread.isProven = true;
    const vm = this.vms.at(thread.vm);
    if (vm.tgid === NONE) vm.tgid = thread.tgid;
  }

  private inProcess(thread: Thread, tgid: number): Thread {
    if (thread.tgid === NONE) {
      thread.tgid = tgid;
      if (thread.isProven && this.vms.at(thread.vm).tgid === NONE) this.vms.at(thread.vm).tgid = tgid;
      return thread;
    }
    const next = this.replace(thread);
    next.tgid = tgid;
    next.siblings = undefined;
    return next;
  }

  private inNamedVm(thread: Thread, vm: number, kind: number): Thread {
    if (vm === thread.vm) {
      if (ofGuest[kind] === 1) this.prove(thread);
      return thread;
    }
    if (thread.isVcpu && ofGuest[kind] === 0) return thread;
    if (thread.isProven) return this.otherVcpu(thread, vm);
    this.setVm(thread, vm, VmEvidence.vm);
    return thread;
  }

  /** The pid's VM is gone. A vCPU is gone with it; a VMM thread may go on to the next VM. */
  private outlive(thread: Thread): Thread {
    if (thread.isVcpu) return this.replace(thread);
    if (thread.open !== undefined) this.sink.left(thread);
    thread.isVmGone = false;
    this.setVm(thread, NONE, VmEvidence.none);
    return thread;
  }

  private replace(thread: Thread): Thread {
    if (thread.open !== undefined) this.sink.left(thread);
    const next = this.add(thread.pid);
    next.tgid = thread.tgid;
    next.follow(thread);
    return next;
  }

  /** The pid's vCPU in another VM: the one that it had there before, or a new one. */
  private otherVcpu(thread: Thread, vm: number): Thread {
    thread.siblings ??= [thread];
    let other = thread.siblings.find((sibling) => sibling.vm === vm && !sibling.isVmGone);
    if (other === undefined) {
      other = this.add(thread.pid);
      other.tgid = thread.tgid;
      other.isVcpu = true;
      other.siblings = thread.siblings;
      other.siblings.push(other);
      this.setVm(other, vm, this.vms.at(vm).name === NONE ? VmEvidence.pgt : VmEvidence.vm);
    }
    this.byPid.set(thread.pid, other);
    this.prove(other);
    other.follow(thread);
    if (thread.open !== undefined) this.sink.moved(thread, other);
    return other;
  }

  private aside(thread: Thread, vm: number): Thread {
    thread.aside ??= this.add(thread.pid);
    const { aside } = thread;
    aside.asideOf = thread;
    aside.tgid = thread.tgid;
    aside.comm = thread.comm;
    this.byPid.set(thread.pid, aside);
    aside.follow(thread);
    this.setVm(aside, vm, VmEvidence.pgt);
    return aside;
  }

  private comeBack(aside: Thread, thread: Thread): Thread {
    if (aside.open !== undefined) this.sink.left(aside);
    this.byPid.set(thread.pid, thread);
    return thread;
  }

  private setVm(thread: Thread, vm: number, tie: VmEvidence): void {
    thread.tie = tie;
    if (thread.vm === vm) return;
    if (thread.open !== undefined && thread.open.kind !== ActivityKind.hostOperation) {
      if (thread.vm >= 0) this.endEpisode(thread.vm);
      if (vm >= 0) this.joinEpisodes(thread, vm);
    }
    if (thread.vm !== NONE) thread.leaveVm();
    thread.vm = vm;
  }

  /** Counts the thread's open episode as one of the VM's. */
  joinEpisodes(thread: Thread, vm: number): void {
    const of = this.vms.at(vm);
    if (thread.open !== undefined) thread.open.contended ||= of.openEpisodes > 0;
    of.openEpisodes++;
    thread.episodesAtStart = ++of.episodes;
  }

  endEpisode(vm: number): void {
    const of = this.vms.at(vm);
    of.openEpisodes = Math.max(0, of.openEpisodes - 1);
  }

  private add(pid: number): Thread {
    const thread = new Thread(this.threads.length, pid);
    this.threads.push(thread);
    this.byPid.set(pid, thread);
    return thread;
  }
}

function flags(...set: readonly number[]): Uint8Array {
  const flags = new Uint8Array(64);
  for (const at of set) flags[at] = 1;
  return flags;
}
