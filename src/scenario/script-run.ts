import type { Meter } from "../stage2/meter.js";
import type { OpsObserver } from "../stage2/ops.js";
import { Translation } from "../stage2/page-table.js";
import { isAccessed } from "../stage2/pte.js";
import type { Sanitizer } from "../stage2/sanitizer.js";
import { SanitizedStage2 } from "../strategy/sanitized-stage2.js";
import { Stage2 } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import { hexPte } from "./event-log.js";
import type { Operation, Script } from "./script.js";

/**
 * What an operation returns: 0 or a negative errno; 0 or 1 from isyoung, and from old where the generation
 * reports whether the page was young; the previous entry, in hex, from young and old where it returns that; null
 * where it returns nothing. A fill returns the number of its maps that failed.
 */
export type Return = number | string | null;

const silent: Meter = { charge() {}, stored() {} };

/** Runs one scenario, operation by operation, on a table of its own. */
export class ScriptRun {
  readonly stage2: Stage2;
  /** Result of the last `lookup`. */
  readonly translation = new Translation();
  /** Watches the walks, if requested. */
  readonly sanitizer: Sanitizer | undefined;
  private operations = 0;

  /**
   * @param observer is told everything that the walks do; `tee` combines several
   * @param sanitizes whether a sanitizer watches too
   */
  constructor(
    strategy: Strategy,
    readonly script: Script,
    private readonly observer: OpsObserver,
    sanitizes = false,
  ) {
    // Page numbers must be those of the golden files, which never reuse one.
    const { iaBits, fwb, tlbiRange: hasTlbiRange } = script;
    const config = { granuleBytes: 4096, iaBits, fwb, hasTlbiRange, recyclesPages: false };
    if (sanitizes) {
      const stage2 = new SanitizedStage2(config, strategy, silent, observer);
      this.sanitizer = stage2.sanitizer;
      this.stage2 = stage2;
    } else {
      this.stage2 = new Stage2(config, strategy, silent);
      this.stage2.ops.observer = observer;
    }
  }

  /** Reports the creation of the table to the observer; it is not the walker's work. */
  begin(): void {
    for (let page = 1; page <= this.stage2.table.granule.rootPages; page++) this.observer.allocated(page);
    this.observer.barrier();
  }

  /** Runs one operation, and its deferred frees before it returns. */
  operate(operation: Operation): Return {
    this.operations++;
    if (this.sanitizer !== undefined) this.sanitizer.number = this.operations;
    const returned = this.perform(operation);
    this.stage2.endOperation();
    return returned;
  }

  private perform(operation: Operation): Return {
    const { stage2 } = this;
    const { mkyoungReturns, ageReturns } = stage2.strategy.generation;
    switch (operation.name) {
      case "map": {
        const { ipa, bytes, phys, prot, cachePages } = operation;
        return stage2.map(ipa, bytes, phys, prot, cachePages);
      }
      case "fill": {
        const { ipa, pages, stride, phys, prot } = operation;
        const { pageBytes } = stage2.table.granule;
        let failed = 0;
        for (let offset = 0, page = 0; page < pages; page++, offset += stride)
          if (stage2.map(ipa + offset, pageBytes, phys + offset, prot) !== 0) failed++;
        return failed;
      }
      case "unmap":
        return stage2.unmap(operation.ipa, operation.bytes);
      case "wp":
        return stage2.wrprotect(operation.ipa, operation.bytes);
      case "flush":
        return stage2.flush(operation.ipa, operation.bytes);
      case "relax":
        return stage2.relaxPerms(operation.ipa, operation.prot);
      case "young":
        stage2.mkyoung(operation.ipa);
        return mkyoungReturns === "entry" ? this.lastEntry() : null;
      case "old":
        stage2.mkold(operation.ipa);
        return ageReturns === "entry" ? this.lastEntry() : Number(isAccessed(stage2.lastLeaf.lo));
      case "isyoung":
        return Number(stage2.isYoung(operation.ipa));
      case "lookup":
        stage2.table.translate(operation.ipa, this.translation);
        return 0;
      case "destroy":
        stage2.destroy();
        return 0;
      case "dump":
        return 0;
    }
  }

  private lastEntry(): string {
    const { lo, hi } = this.stage2.lastLeaf;
    return hexPte(lo, hi);
  }
}
