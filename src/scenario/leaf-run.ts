import type { Visit } from "../stage2/visit.js";

/** Consecutive visits to neighbouring leaves of one table, which are merged to one event. */
export class LeafRun {
  /** Page that holds the run's entries; NO_PAGE where the last event was not a leaf visit. */
  page = 0;
  level = 0;
  /** Address of the walk at the first visit. */
  ipa = 0;
  visits = 0;
  private next = 0;

  /** @returns whether the visit belongs to the run; otherwise it begins a new one */
  takes(visit: Visit): boolean {
    const { ipa, page, bytes } = visit;
    if (page === this.page && ipa === this.next) {
      this.visits++;
      this.next = ipa + bytes;
      return true;
    }
    this.page = page;
    this.level = visit.level;
    this.ipa = ipa;
    this.visits = 1;
    this.next = ipa + bytes;
    return false;
  }

  /** Called when anything else happens. */
  end(): void {
    this.page = 0;
  }
}
