import type { Visit } from "../stage2/visit.js";

/** Leaf visits that make one event: of neighbours in one table, nothing between them. */
export class LeafRun {
  /** Page that holds the run's entries; NO_PAGE where the last event was no leaf visit. */
  page = 0;
  level = 0;
  /** Where the walk stood at the first visit. */
  ipa = 0;
  visits = 0;
  private next = 0;

  /** @returns whether the visit belongs to the run; else it begins one */
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

  /** Something else happened. */
  end(): void {
    this.page = 0;
  }
}
