import { ModelError, StrategyError } from "../errors.js";
import { Granule } from "../stage2/granule.js";
import type { Meter } from "../stage2/meter.js";
import { type DetachedTable, NO_HINT, Ops, type StoreKind } from "../stage2/ops.js";
import { PageTable } from "../stage2/page-table.js";
import { AF, isContradictory, Prot, S2AP_R, S2AP_W, XN_HI } from "../stage2/pte.js";
import type { Answer, Visitor } from "../stage2/visit.js";
import { Walk } from "../stage2/walk.js";
import { MapRequest } from "./map-request.js";
import type { Strategy } from "./strategy.js";
import { AttributeWalker, FlushWalker, FreeWalker, UnmapWalker } from "./walkers.js";

/** Negative errnos that operations return, the kernel's values. */
export const Errno = { E2BIG: -7, EAGAIN: -11, ENOMEM: -12, EINVAL: -22, ERANGE: -34 } as const;

export interface Stage2Config {
  readonly granuleBytes: number;
  readonly iaBits: number;
  readonly fwb: boolean;
  /** Default: the one that KVM chooses. */
  readonly startLevel?: number;
  /** Whether the CPU has TLBI by range (FEAT_TLBIRANGE); default: no. */
  readonly hasTlbiRange?: boolean;
  /** Whether page ids are reused (default). A log with sequential ids needs `false`. */
  readonly recyclesPages?: boolean;
}

/**
 * One VM's stage-2 table under one strategy. It has the kernel's operations, all done through ops; each returns 0 or a
 * negative errno. The caller must flush after write-protect and ageing, as in the kernel. Call `endOperation` when
 * nothing needs the operation's old contents any more.
 */
export class Stage2 {
  readonly table: PageTable;
  readonly ops: Ops;
  private readonly walk: Walk;
  private readonly detachedWalk: Walk;
  private readonly request: MapRequest;
  private readonly unmapWalker: UnmapWalker;
  private readonly attributeWalker: AttributeWalker;
  private readonly flushWalker: FlushWalker;
  private readonly freeWalker: FreeWalker;

  constructor(
    config: Stage2Config,
    readonly strategy: Strategy,
    meter: Meter,
  ) {
    const granule = new Granule(config.granuleBytes, config.iaBits, config.startLevel);
    this.table = new PageTable(granule, config.fwb, config.recyclesPages);
    this.ops = new Ops(this.table, meter, config.hasTlbiRange);
    const { generation } = strategy;
    this.walk = new Walk(this.table, this.ops, generation.walk);
    this.detachedWalk = new Walk(this.table, this.ops, generation.walk);
    this.request = new MapRequest(this.table);
    this.unmapWalker = new UnmapWalker(this.ops, generation);
    this.attributeWalker = new AttributeWalker(this.ops, generation.invalidatesIcache);
    this.flushWalker = new FlushWalker(this.ops);
    this.freeWalker = new FreeWalker(this.ops, generation);
  }

  /** @param cachePages number of table pages in the caller's cache */
  map(ipa: number, bytes: number, phys: number, prot: number, cachePages = Number.POSITIVE_INFINITY): number {
    if (isContradictory(prot)) return Errno.EINVAL;
    this.ops.cachePages = cachePages;
    this.request.begin(phys, prot);
    let answer: number;
    try {
      answer = this.run(ipa, bytes, this.strategy.createMapWalker(this.ops, this.request));
    } catch (error) {
      throw this.blame(error);
    }
    this.ops.dsb();
    return answer;
  }

  unmap(ipa: number, bytes: number): number {
    const answer = this.run(ipa, bytes, this.unmapWalker);
    if (this.unmapWalker.leavesFlush) this.ops.tlbiRange(ipa, bytes);
    return answer;
  }

  wrprotect(ipa: number, bytes: number): number {
    return this.run(ipa, bytes, this.attributeWalker.begin("once", 0, S2AP_W, 0));
  }

  /** Adds permissions to the leaf at `ipa`, and flushes it. */
  relaxPerms(ipa: number, prot: number): number {
    const { ops } = this;
    const setLo = (prot & Prot.R ? S2AP_R : 0) | (prot & Prot.W ? S2AP_W : 0);
    const walker = this.attributeWalker.begin(this.faultStore, setLo, 0, prot & Prot.X ? XN_HI : 0);
    const answer = this.run(ipa, 1, walker);
    if (this.strategy.generation.faultsShareLock) {
      if (answer === 0 || answer === Errno.EAGAIN)
        ops.tlbiIpaLocal(ipa, walker.level === 0 ? NO_HINT : walker.level);
    } else if (answer === 0) ops.tlbiIpa(ipa, walker.level);
    return answer;
  }

  /** Sets the access flag. `lastLeaf` is the old leaf. */
  mkyoung(ipa: number): number {
    const answer = this.run(ipa, 1, this.attributeWalker.begin(this.faultStore, AF, 0, 0));
    if (answer === 0 || !this.strategy.generation.faultsShareLock) this.ops.dsb();
    return answer;
  }

  /** Clears the access flag. `lastLeaf` is the old leaf. */
  mkold(ipa: number): number {
    return this.run(ipa, 1, this.attributeWalker.begin("once", 0, AF, 0));
  }

  /** Reads the leaf without changing it; `lastLeaf` is the leaf. */
  isYoung(ipa: number): boolean {
    this.run(ipa, 1, this.attributeWalker.begin("once", 0, 0, 0));
    return (this.attributeWalker.lo & AF) !== 0;
  }

  /** The last leaf that wrprotect, relaxPerms, mkyoung, mkold or isYoung visited, before the change; all 0 if none. */
  get lastLeaf(): { readonly level: number; readonly lo: number; readonly hi: number } {
    return this.attributeWalker;
  }

  /** Cleans the memory mapped in a range. */
  flush(ipa: number, bytes: number): number {
    if (this.ops.fwb) return 0;
    return this.run(ipa, bytes, this.flushWalker);
  }

  /** Frees every page; nothing is mapped afterwards, and operations return ERANGE. */
  destroy(): void {
    if (this.table.retired) return;
    const { granule } = this.table;
    this.check(this.walk.run(0, granule.limit, this.freeWalker));
    for (let page = 1; page <= granule.rootPages; page++) this.ops.freeRoot(page);
    this.table.retire();
  }

  /** Runs deferred frees, then releases the pages that the operation freed: their contents were readable until now. */
  endOperation(): void {
    const deferred = this.ops.deferredTables;
    if (deferred.length > 0) this.runDeferred(deferred);
    this.table.endOperation();
  }

  /** The kind of store by which the fault path changes an entry that it does not replace. */
  private get faultStore(): StoreKind {
    return this.strategy.generation.faultsShareLock ? "exchange" : "once";
  }

  private runDeferred(deferred: DetachedTable[]): void {
    for (const { page, level, base } of deferred) {
      this.ops.observer?.ranDeferred(page, level);
      this.check(this.detachedWalk.runDetached(page, level + 1, base, this.freeWalker));
      this.ops.putPage(page);
    }
    deferred.length = 0;
  }

  private run(ipa: number, bytes: number, visitor: Visitor): number {
    const { granule } = this.table;
    const start = granule.pageBase(ipa);
    const end = granule.pageCeil(start + bytes);
    if (this.table.retired || start > granule.limit || end > granule.limit) return Errno.ERANGE;
    return this.check(this.walk.run(start, end, visitor));
  }

  /** Any error that a map walker throws is attributed to the strategy. */
  private blame(error: unknown): unknown {
    if (error instanceof StrategyError || error instanceof ModelError) return error;
    const text = error instanceof Error ? error.message : String(error);
    return new StrategyError(`strategy ${this.strategy.name} failed in a map: ${text}`, { cause: error });
  }

  private check(answer: Answer): number {
    switch (answer) {
      case "continue":
        return 0;
      case "retry":
        return Errno.EAGAIN;
      case "no-memory":
        return Errno.ENOMEM;
      case "too-big":
        return Errno.E2BIG;
      case "invalid":
        return Errno.EINVAL;
      default:
        throw new StrategyError(
          `strategy ${this.strategy.name} answered ${JSON.stringify(answer)} to a visit: expected one of ` +
            `"continue", "retry", "too-big", "no-memory", "invalid"`,
        );
    }
  }
}
