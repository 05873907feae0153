/**
 * What a report's text does not say and the order of its events gives away: the names of a selftest's stages,
 * and where tracing was off.
 */

/** One stage of a test whose boundaries were probed without their names. */
export interface Stage {
  readonly name: string;
  /** The change of dirty logging that comes right before it. */
  readonly after?: "logging on" | "logging off";
}

/** vcpus_complete_new_stage() of kvm_page_table_test is entered once for each, in this order. */
const kvmPageTableTest: readonly Stage[] = [
  { name: "BEFORE" },
  { name: "CREATE" },
  { name: "UPDATE", after: "logging on" },
  { name: "ADJUST", after: "logging off" },
];

/** Names stages by their order on each thread; the changes of dirty logging show which ones tracing missed. */
export class StageNames {
  /** pid -> the stage that its next mark begins. */
  private readonly next = new Map<number, number>();
  /** VM and slot number of every memory slot that exists. */
  private readonly slots = new Set<string>();

  constructor(private readonly stages: readonly Stage[] = kvmPageTableTest) {}

  begin(pid: number): string {
    const index = this.next.get(pid) ?? 0;
    this.next.set(pid, index + 1);
    return this.name(index);
  }

  /** The stage that the thread began last. */
  end(pid: number): string {
    return this.name((this.next.get(pid) ?? 0) - 1);
  }

  /**
   * KVM_SET_USER_MEMORY_REGION: a slot that exists and is set again changes its logging.
   * (Setting it to what it was is possible, but changes nothing, and no stage follows.)
   */
  setSlot(pid: number, pairs: ReadonlyMap<string, string>): void {
    const slot = `${pairs.get("kvm")} ${pairs.get("slot")}`;
    if (Number(pairs.get("size")) === 0) {
      this.slots.delete(slot);
      return;
    }
    if (!this.slots.has(slot)) {
      this.slots.add(slot);
      return;
    }
    const change = Number(pairs.get("flags")) % 2 === 1 ? "logging on" : "logging off";
    const next = this.next.get(pid) ?? 0;
    const after = this.stages.findIndex((stage, index) => index >= next && stage.after === change);
    if (after !== -1) this.next.set(pid, after);
  }

  private name(index: number): string {
    return this.stages[index]?.name ?? `stage ${index + 1}`;
  }
}

/** Calls whose thread can enter neither of them before it has returned. */
export type SingleCall = "memslot" | "stage";

interface OpenCall {
  readonly name: SingleCall;
  /** Longest time without any event since then, seconds. */
  silence: number;
}

/**
 * Finds where tracing was off: a thread enters a call while it is still in one, so the return went unrecorded.
 * Where the time just before is the longest without an event since the first call, tracing was off in it.
 */
export class GapFinder {
  private readonly open = new Map<number, OpenCall>();

  /** Whether any thread is in one of the calls. */
  get isOpen(): boolean {
    return this.open.size > 0;
  }

  /** Time passed without an event. */
  listen(silence: number): void {
    for (const call of this.open.values()) call.silence = Math.max(call.silence, silence);
  }

  /** `silence`: seconds since the event before this one, already listened to. */
  enter(pid: number, name: SingleCall, silence: number): "possible" | "gap" | { readonly still: SingleCall } {
    const earlier = this.open.get(pid);
    const isGap = earlier !== undefined && silence > 0 && silence >= earlier.silence;
    if (isGap) this.open.clear(); // Whatever else was open may have returned in the gap.
    this.open.set(pid, { name, silence: 0 });
    if (earlier === undefined) return "possible";
    return isGap ? "gap" : { still: earlier.name };
  }

  leave(pid: number, name: SingleCall): void {
    if (this.open.get(pid)?.name === name) this.open.delete(pid);
  }

  /** Events were lost: a return that is missing from here on may have been among them. */
  forget(): void {
    this.open.clear();
  }
}
