import { ZERO } from "../../double.js";
import { LAST_LEVEL } from "../../stage2/granule.js";
import { Cost, type Counters } from "../counters.js";
import type { Guest } from "../guest.js";
import type { Guests } from "../guests.js";
import type { Ledger, Order } from "./ledger.js";
import type { Locks } from "./lock.js";
import type { Schedule } from "./schedule.js";
import { type Thread, ThreadStep } from "./thread.js";

/** Pages after the one just mapped that some thread may have seen unmapped. */
const SEEN_AHEAD = 1;
/** Most pages after which the state is compared with that of a page. */
const LONGEST_TURNS = 4;
/** A vCPU this far behind the others is doing something else. */
const FARTHEST_BEHIND = 2 ** 21;

/** A moment at which a page had just been mapped. */
class MapMoment {
  ipa = ZERO;
  atNs = ZERO;
  /** Index of the vCPU that mapped it. */
  by = -1;
  /** The state of the replay as numbers relative to `ipa` and `atNs`; undefined if it was not recorded. */
  state: readonly number[] | undefined;
  /** What had been counted by then; and since then: pages, and stalls, each length with its number. */
  counted: Float64Array | undefined;
  pages = 0;
  readonly stalls = new Map<number, number>();
}

/** An order that was seen to repeat: `state` recurs after `pages` pages. */
interface PageOrder extends Order {
  readonly state: readonly number[];
  readonly by: number;
  readonly pages: number;
}

/**
 * vCPUs that go through memory in parallel and fault on each page soon keep a steady order: the state of the replay at
 * one page is that at the page before, one page further on. The same then holds for each later page, as long as the
 * table ahead looks alike: these pages are not replayed but skipped, with their counts and times added. The same is
 * done one level up, if a whole table of pages is like the one before.
 *
 * Nothing is approximated: whole states are compared, times are whole nanoseconds, and the result is that of a replay
 * page by page.
 */
export class Lockstep {
  private mapper: Thread | undefined;
  /** A recently mapped page, and the last page that was the first of its table. */
  private readonly page = new MapMoment();
  private readonly table = new MapMoment();
  private pageOrder: PageOrder | undefined;
  private tableOrder: PageOrder | undefined;
  /** Number of pages for which the state of `page` is kept for comparison. */
  private window = 1;

  constructor(
    private readonly counters: Counters,
    private readonly guests: Guests,
    private readonly locks: Locks,
    private readonly schedule: Schedule,
    private readonly ledger: Ledger,
    private readonly threads: readonly Thread[],
  ) {
    counters.recentStalls = new Map();
  }

  /** A hold in which the thread changed the table has ended. */
  changed(thread: Thread): void {
    // Two changes between looks, or one that was not for a run's page: there is no steady order.
    if (this.mapper !== undefined || thread.activity !== thread.run.fault) this.forgetMarks();
    this.mapper = thread.activity === thread.run.fault ? thread : undefined;
  }

  /** Called at a barrier: slots may change, and with them what follows from a state. */
  forget(): void {
    this.pageOrder = this.tableOrder = undefined;
    this.forgetMarks();
  }

  private forgetMarks(): void {
    this.page.state = this.table.state = undefined;
    this.page.by = -1;
    this.window = 1;
  }

  /** Called between two events: skips ahead if the state equals that of one page, or one table of pages, before. */
  look(horizonNs: number): void {
    const thread = this.mapper;
    if (thread === undefined) return;
    this.mapper = undefined;
    const guest = this.guests.of(thread.run.fault.vm);
    const { ipa, bytes } = thread.run.fault.operation(0);
    if (bytes !== guest.pageBytes || !guest.log.isSettled(this.schedule.nowNs)) {
      this.forgetMarks();
      return;
    }
    this.tally();
    this.table.pages++;
    this.page.pages++;
    const { granule } = guest.stage2.table;
    if (granule.indexAt(ipa, LAST_LEVEL) === 0) this.lookAtTable(thread, guest, ipa, horizonNs);
    else this.lookAtPage(thread, guest, ipa, horizonNs);
  }

  private lookAtPage(thread: Thread, guest: Guest, ipa: number, horizonNs: number): void {
    const { page } = this;
    const isTurn = page.by === thread.index && ipa - page.ipa === page.pages * guest.pageBytes;
    const isDue = page.state === undefined || page.pages >= this.window;
    const mayKnow = this.pageOrder?.by === thread.index;
    if (!isTurn && !isDue && !mayKnow) return;
    const state = this.stateAt(guest, ipa, LAST_LEVEL);
    const order = this.orderOf(this.pageOrder, page, thread, state, isTurn);
    if (order !== undefined) {
      this.pageOrder = order;
      const room = Math.floor((guest.ahead.pages(ipa, order.pages) - SEEN_AHEAD) / order.pages);
      const times = this.timesLeft(guest, ipa, order, room, horizonNs);
      if (times > 0) {
        guest.ahead.repeatPage(ipa, times * order.pages);
        this.goAhead(guest, order, times);
        this.table.pages += times * order.pages;
        this.tallyMore(order, times);
        this.mark(page, thread, ipa + times * order.pages * guest.pageBytes, state);
        return;
      }
    }
    if (!isDue) return;
    // vCPUs may take turns in mapping: a state is kept for one page, then for two, then for four.
    this.window = Math.min(LONGEST_TURNS, 2 * this.window);
    this.mark(page, thread, ipa, state);
  }

  private lookAtTable(thread: Thread, guest: Guest, ipa: number, horizonNs: number): void {
    const { table } = this;
    const { entries } = guest.stage2.table.granule;
    const isTurn = table.pages === entries && ipa - table.ipa === entries * guest.pageBytes;
    const state = this.stateAt(guest, ipa, LAST_LEVEL - 1);
    const order = this.orderOf(this.tableOrder, table, thread, state, isTurn);
    let times = 0;
    if (order !== undefined) {
      this.tableOrder = order;
      times = this.timesLeft(guest, ipa, order, guest.ahead.tables(ipa), horizonNs);
    }
    if (order !== undefined && times > 0) {
      guest.ahead.repeatTable(ipa, times);
      this.goAhead(guest, order, times);
    }
    const there = ipa + times * entries * guest.pageBytes;
    this.mark(table, thread, there, state);
    this.mark(this.page, thread, there, undefined);
    this.window = 1;
  }

  /** The order that the state belongs to: a known one, or the one since the mark; undefined if there is none. */
  private orderOf(
    known: PageOrder | undefined,
    mark: MapMoment,
    thread: Thread,
    state: readonly number[] | undefined,
    isTurn: boolean,
  ): PageOrder | undefined {
    if (state === undefined) return undefined;
    if (known !== undefined && known.by === thread.index && isEqual(state, known.state)) return known;
    if (!isTurn || mark.state === undefined || mark.counted === undefined || !isEqual(state, mark.state))
      return undefined;
    const before = mark.counted;
    return {
      state,
      by: thread.index,
      pages: mark.pages,
      periodNs: this.schedule.nowNs - mark.atNs,
      counted: this.counters.figures().map((figure, n) => figure - (before[n] as number)),
      stalls: [...mark.stalls],
    };
  }

  private mark(mark: MapMoment, thread: Thread, ipa: number, state: readonly number[] | undefined): void {
    mark.ipa = ipa;
    mark.atNs = this.schedule.nowNs;
    mark.by = thread.index;
    mark.state = state;
    mark.counted = state === undefined ? undefined : this.counters.figures();
    mark.pages = 0;
    mark.stalls.clear();
  }

  /** Adds the stalls since the last look to both marks. */
  private tally(): void {
    const recent = this.counters.recentStalls as Map<number, number>;
    for (const [ns, count] of recent) {
      this.page.stalls.set(ns, (this.page.stalls.get(ns) ?? 0) + count);
      this.table.stalls.set(ns, (this.table.stalls.get(ns) ?? 0) + count);
    }
    recent.clear();
  }

  private tallyMore({ stalls }: PageOrder, times: number): void {
    for (const [ns, count] of stalls)
      this.table.stalls.set(ns, (this.table.stalls.get(ns) ?? 0) + count * times);
  }

  /** Skips `times` repetitions of the order: counts them, and moves everything on in time and address. */
  private goAhead(guest: Guest, order: PageOrder, times: number): void {
    const { ledger, schedule, threads } = this;
    const running = threads.filter(({ run }) => run.activity !== undefined);
    ledger.repeat(
      order,
      times,
      schedule.nowNs,
      running.map(({ index }) => index),
    );
    const byNs = times * order.periodNs;
    const bytes = times * order.pages * guest.pageBytes;
    schedule.goAhead(byNs);
    for (const { run, episode } of running) {
      run.goAhead(bytes);
      episode.delay(byNs);
    }
  }

  /** How often the order fits into the room, the slot, every run, and the known part of the trace. */
  private timesLeft(guest: Guest, ipa: number, order: PageOrder, room: number, horizonNs: number): number {
    const bytes = order.pages * guest.pageBytes;
    let times = Math.min(
      room,
      Math.floor((horizonNs - this.schedule.nowNs) / order.periodNs),
      Math.floor((guest.memory.alikeUpTo(ipa) - ipa) / bytes) - SEEN_AHEAD,
    );
    for (const { run } of this.threads) {
      const { activity, index } = run;
      if (activity === undefined) continue;
      if (bytes % activity.stride !== 0) return 0;
      // The next access must still exist afterwards.
      times = Math.min(times, Math.floor(((activity.count - 1 - index) * activity.stride) / bytes));
    }
    return Math.max(0, times);
  }

  /** The state of the replay relative to the page at `ipa` and to now; undefined if more than runs is in progress. */
  private stateAt(guest: Guest, ipa: number, level: number): readonly number[] | undefined {
    const { schedule, guests } = this;
    const state: number[] = [guest.ahead.kind(ipa, level)];
    let vm = -2;
    // Trace order breaks ties between equal times.
    let first = 0;
    let lowest = 0;
    for (const thread of this.threads) {
      const { run, step } = thread;
      const { activity } = run;
      if (activity === undefined) {
        if (step !== ThreadStep.idle) return undefined;
        state.push(-1);
        continue;
      }
      if (vm === -2) {
        vm = activity.vm;
        first = activity.sequence;
        state.push(vm);
      }
      if (activity.vm !== vm || guests.of(activity.vm) !== guest || activity.stride === 0) return undefined;
      const place = activity.ipa + run.index * activity.stride - ipa;
      const start = place - run.stretch * activity.stride;
      if (start < lowest) lowest = start;
      state.push(
        activity.sequence - first,
        activity.stride,
        activity.write ? 1 : 0,
        Number.isNaN(activity.accessThinkNs) ? -1 : activity.accessThinkNs,
        step,
        place,
        run.stretch,
        run.index - run.faulted,
        run.faults,
        thread.onCpu ? 1 : 0,
      );
      if (thread.activity === run.fault) {
        if (
          step !== ThreadStep.handler &&
          step !== ThreadStep.waiting &&
          step !== ThreadStep.hold &&
          step !== ThreadStep.retry
        )
          return undefined;
        this.describeFault(thread, ipa, state);
      } else if (step !== ThreadStep.think) return undefined;
      if (step !== ThreadStep.waiting) state.push(schedule.leftOf(thread));
    }
    if (lowest < -FARTHEST_BEHIND || vm === -2) return undefined;
    this.locks.of(vm).describe(state);
    return state;
  }

  /** Adds the progress of the thread's fault. */
  private describeFault({ run, episode, hold, sharesLock }: Thread, ipa: number, state: number[]): void {
    const { nowNs } = this.schedule;
    const { fault } = run;
    const operation = fault.operation(0);
    const { costNs, requestedNs } = episode;
    state.push(fault.ipa - ipa, operation.ipa - ipa, operation.kind, operation.bytes, operation.prot);
    state.push(fault.esr, episode.startNs - nowNs, episode.counted ? 1 : 0);
    state.push(Number.isNaN(requestedNs) ? -1 : requestedNs - nowNs, episode.lockWaitNs);
    state.push(costNs[Cost.retry] as number, costNs[Cost.handler] as number, episode.laps, episode.cause);
    state.push(episode.faultClass, sharesLock ? 1 : 0, hold.ns, hold.hasStored ? 1 : 0);
  }
}

function isEqual(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let n = 0; n < a.length; n++) if (a[n] !== b[n]) return false;
  return true;
}
