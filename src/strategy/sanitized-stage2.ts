import { StrategyError } from "../errors.js";
import type { OperationName } from "../stage2/findings.js";
import type { Meter } from "../stage2/meter.js";
import type { OpsObserver } from "../stage2/ops.js";
import { Sanitizer } from "../stage2/sanitizer.js";
import { tee } from "../stage2/tee.js";
import { Stage2, type Stage2Config } from "./stage2.js";
import type { Strategy } from "./strategy.js";

/**
 * A Stage2 with a sanitizer that watches each operation, and with the callers' duties that the strategy declares: they
 * are reported to the sanitizer, and not charged. A plain Stage2 has none of this, so it costs nothing when off.
 */
export class SanitizedStage2 extends Stage2 {
  readonly sanitizer: Sanitizer;

  /** @param others observers that also receive all events, before the sanitizer */
  constructor(config: Stage2Config, strategy: Strategy, meter: Meter, ...others: readonly OpsObserver[]) {
    super(config, strategy, meter);
    this.sanitizer = new Sanitizer(this.table);
    this.ops.observer = tee(...others, this.sanitizer);
  }

  override map(ipa: number, bytes: number, phys: number, prot: number, cachePages?: number): number {
    this.sanitizer.begin("map", ipa, bytes, phys, prot);
    if (this.strategy.faultPathCleans && !this.ops.fwb) this.sanitizer.callerCleans(phys, bytes);
    return this.finish(() => super.map(ipa, bytes, phys, prot, cachePages));
  }

  override unmap(ipa: number, bytes: number): number {
    return this.watch("unmap", ipa, bytes, false, () => super.unmap(ipa, bytes));
  }

  override wrprotect(ipa: number, bytes: number): number {
    const { afterWriteProtect } = this.strategy.generation.callersFlush;
    return this.watch("wrprotect", ipa, bytes, afterWriteProtect, () => super.wrprotect(ipa, bytes));
  }

  override relaxPerms(ipa: number, prot: number): number {
    const { afterRelax } = this.strategy.generation.callersFlush;
    return this.watch("relax", ipa, 1, afterRelax, () => super.relaxPerms(ipa, prot));
  }

  override mkyoung(ipa: number): number {
    return this.watch("young", ipa, 1, false, () => super.mkyoung(ipa));
  }

  override mkold(ipa: number): number {
    return this.watch("old", ipa, 1, this.strategy.generation.callersFlush.afterAge, () => super.mkold(ipa));
  }

  override flush(ipa: number, bytes: number): number {
    return this.watch("flush", ipa, bytes, false, () => super.flush(ipa, bytes));
  }

  override destroy(): void {
    this.watch("destroy", 0, 0, false, () => {
      super.destroy();
      return 0;
    });
  }

  override endOperation(): void {
    try {
      super.endOperation();
    } catch (error) {
      throw this.note(error);
    }
    this.sanitizer.settle();
  }

  private watch(
    name: OperationName,
    ipa: number,
    bytes: number,
    callerFlushes: boolean,
    operate: () => number,
  ): number {
    this.sanitizer.begin(name, ipa, bytes);
    return this.finish(operate, callerFlushes);
  }

  private finish(operate: () => number, callerFlushes = false): number {
    let ret: number;
    try {
      ret = operate();
    } catch (error) {
      throw this.note(error);
    }
    if (callerFlushes) this.sanitizer.callerFlushes();
    this.sanitizer.end(ret);
    return ret;
  }

  private note(error: unknown): unknown {
    if (error instanceof StrategyError) this.sanitizer.fail(error);
    return error;
  }
}
