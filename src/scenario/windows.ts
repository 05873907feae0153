import { isTable, isValid } from "../stage2/pte.js";
import type { WalkEvent } from "./event-log.js";

/**
 * The break-before-make windows in an operation's events: from the store that breaks a table entry to the one that puts
 * a leaf there, in steps (events before leaf visits are merged). An entry that stays broken, as in an unmap, has none.
 */
export class Windows {
  private readonly opening = new Set<WalkEvent>();
  /** Length in steps, by the store that closes the window. */
  private readonly closing = new Map<WalkEvent, number>();

  constructor(events: readonly WalkEvent[]) {
    /** For each entry, the store that broke it and its step. */
    const broken = new Map<string, readonly [WalkEvent, number]>();
    let step = 0;
    for (const event of events) {
      step += stepsOf(event);
      if (event[0] !== "st") continue;
      const [, , level, ipa, page, old, entry] = event;
      const slot = `${page} ${ipa}`;
      const oldLo = lowHalf(old);
      const newLo = lowHalf(entry);
      if (isTable(oldLo, level) && !isValid(newLo)) broken.set(slot, [event, step]);
      const since = broken.get(slot);
      if (since === undefined || !isValid(newLo) || isTable(newLo, level)) continue;
      broken.delete(slot);
      this.opening.add(since[0]);
      this.closing.set(event, step - since[1] - 1);
    }
  }

  isOpenedBy(event: WalkEvent): boolean {
    return this.opening.has(event);
  }

  /** Steps of the window that the event closes; undefined if it closes none. */
  closedBy(event: WalkEvent): number | undefined {
    return this.closing.get(event);
  }
}

function stepsOf(event: WalkEvent): number {
  if (event[0] === "leaf") return event[4];
  return event[0] === "rcu_run" || event[0] === "enomem" ? 0 : 1;
}

function lowHalf(entry: string): number {
  return Number.parseInt(entry.slice(2).slice(-8), 16);
}
