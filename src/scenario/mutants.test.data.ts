import type { Rule } from "../stage2/finding.js";
import type { Ops } from "../stage2/ops.js";
import { NO_PAGE } from "../stage2/page-table.js";
import type { Answer, Visit } from "../stage2/visit.js";
import { strategyByName } from "../strategy/index.js";
import type { MapRequest } from "../strategy/map-request.js";
import { habits } from "../strategy/map-steps.js";
import { PostPatchMap } from "../strategy/post-patch.js";
import { PrePatchMap } from "../strategy/pre-patch.js";
import type { Strategy } from "../strategy/strategy.js";
import { LockingMap, v6_12 } from "../strategy/v6.12.js";

/** A walker with one mistake, and the rules under which it must be found: these and no others, the cause first. */
export interface Mutant {
  readonly mistake: string;
  readonly strategy: Strategy;
  readonly rules: readonly Rule[];
}

const prePatch = strategyByName("pre-patch")!;
const postPatchClean = strategyByName("post-patch+clean")!;
const v5_12_rc1 = strategyByName("v5.12-rc1")!;
const LOCKED = { lo: 1 << 10, hi: 0 };

type Walker = new (
  ops: Ops,
  map: MapRequest,
  steps: (typeof habits)["rfc-1/4"],
) => PrePatchMap | PostPatchMap;

function mutant(mistake: string, base: Strategy, Mutated: Walker, rules: readonly Rule[]): Mutant {
  const createMapWalker: Strategy["createMapWalker"] = (ops, map) => new Mutated(ops, map, habits["rfc-1/4"]);
  return { mistake, strategy: { ...base, name: mistake, createMapWalker }, rules };
}

/** post-patch with its clean kept: what else a mutant of it does wrong is the mutation. */
class PostPatch extends PostPatchMap {
  override tablePre(visit: Visit): Answer {
    if (this.anchor !== undefined || !this.map.allowsLeafAt(visit)) return "continue";
    this.follow = visit.child;
    this.replace(visit);
    this.map.advance(visit);
    this.anchor = visit.slot;
    return "continue";
  }

  replace(visit: Visit): void {
    this.break(visit);
    this.flush(visit);
    this.make(visit);
  }

  break(visit: Visit): void {
    this.ops.invalidate(visit);
  }

  flush(_visit: Visit): void {
    this.ops.tlbiVmid();
  }

  make(visit: Visit): void {
    if (this.map.isCacheable) this.ops.cleanDcache(this.map.phys, visit.bytes);
    this.ops.store("release", visit, this.map.leafLo(visit), this.map.leafHi());
  }
}

export const mutants: readonly Mutant[] = [
  mutant(
    "an extra put_page on the anchor",
    postPatchClean,
    class extends PostPatch {
      override tablePost(visit: Visit): Answer {
        if (this.anchor === visit.slot) this.ops.putPage(visit.page);
        return super.tablePost(visit);
      }
    },
    ["wrong-reference-count", "freed-twice", "walk-into-freed"],
  ),
  mutant(
    "the free of follow dropped",
    postPatchClean,
    class extends PostPatch {
      override tablePost(visit: Visit): Answer {
        if (this.anchor !== visit.slot) return super.tablePost(visit);
        this.anchor = undefined;
        return "continue";
      }
    },
    ["leaked-pages"],
  ),
  mutant(
    "follow read after the store",
    postPatchClean,
    class extends PostPatch {
      override make(visit: Visit): void {
        super.make(visit);
        const { table } = this.ops;
        this.follow = table.childOf(table.lo(visit.slot), table.hi(visit.slot));
      }
    },
    ["freed-no-table"],
  ),
  mutant(
    "follow freed twice",
    postPatchClean,
    class extends PostPatch {
      override tablePost(visit: Visit): Answer {
        if (this.anchor === visit.slot) this.ops.freeTable(this.follow);
        return super.tablePost(visit);
      }
    },
    ["freed-twice"],
  ),
  mutant(
    "no break",
    postPatchClean,
    class extends PostPatch {
      override break(): void {}
    },
    ["break-before-make", "freed-before-flush"],
  ),
  mutant(
    "no break, and the table freed before the block is stored",
    prePatch,
    class extends PrePatchMap {
      override tablePre(visit: Visit): Answer {
        if (this.anchor !== undefined || !this.map.allowsLeafAt(visit)) return "continue";
        this.ops.tlbiVmid();
        this.anchor = visit.slot;
        return "continue";
      }
    },
    ["break-before-make", "freed-while-reachable"],
  ),
  mutant(
    "TLBI after make",
    postPatchClean,
    class extends PostPatch {
      override replace(visit: Visit): void {
        this.break(visit);
        this.make(visit);
        this.flush(visit);
      }
    },
    ["break-before-make"],
  ),
  mutant(
    "TLBI before the break",
    postPatchClean,
    class extends PostPatch {
      override replace(visit: Visit): void {
        this.flush(visit);
        this.break(visit);
        this.make(visit);
      }
    },
    ["flush-before-break", "freed-before-flush"],
  ),
  mutant(
    "no TLBI",
    postPatchClean,
    class extends PostPatch {
      override flush(): void {}
    },
    ["flush-missing", "freed-before-flush"],
  ),
  mutant(
    "a TLBI of one IPA for a table",
    postPatchClean,
    class extends PostPatch {
      override flush(visit: Visit): void {
        this.ops.tlbiIpa(visit.ipa, 0);
      }
    },
    ["flush-too-narrow", "freed-before-flush"],
  ),
  mutant(
    "a TLBI of a split block with another level's hint",
    postPatchClean,
    class extends PostPatch {
      override breakLeaf(visit: Visit): void {
        this.breakEntry(visit);
        this.ops.tlbiIpa(visit.ipa, 3);
        this.ops.putPage(visit.page);
      }
    },
    ["flush-too-narrow"],
  ),
  mutant(
    "the nested put dropped",
    postPatchClean,
    class extends PostPatch {
      override tablePost(visit: Visit): Answer {
        if (this.anchor === undefined || this.anchor === visit.slot) return super.tablePost(visit);
        this.ops.freeTable(visit.child);
        return "continue";
      }
    },
    ["leaked-pages"],
  ),
  { mistake: "post-patch as posted", strategy: strategyByName("post-patch")!, rules: ["unclean-leaf"] },
  mutant(
    "the clean after the store",
    postPatchClean,
    class extends PostPatch {
      override make(visit: Visit): void {
        this.ops.store("release", visit, this.map.leafLo(visit), this.map.leafHi());
        this.ops.cleanDcache(this.map.phys, visit.bytes);
      }
    },
    ["unclean-leaf"],
  ),
  mutant(
    "the block's address not advanced",
    postPatchClean,
    class extends PostPatch {
      override replace(visit: Visit): void {
        const { phys } = this.map;
        super.replace(visit);
        this.map.phys = phys - visit.bytes;
      }
    },
    ["bad-answer"],
  ),
  mutant(
    "success without a mapping",
    prePatch,
    class extends PrePatchMap {
      override mapLeaf(visit: Visit): Answer {
        return visit.isValid ? super.mapLeaf(visit) : "continue";
      }
    },
    ["bad-answer"],
  ),
  mutant(
    "an answer outside the contract",
    prePatch,
    class extends PrePatchMap {
      override mapLeaf(): Answer {
        return "done" as Answer;
      }
    },
    ["bad-answer"],
  ),
  {
    mistake: "the detached table freed at once, the walk going on into it",
    strategy: {
      ...v6_12,
      generation: { ...v6_12.generation, walk: { rereadsAfterTablePre: false, stepsToEntryEnd: true } },
      createMapWalker: (ops, map) =>
        new (class extends LockingMap {
          private freed = NO_PAGE;

          override tablePre(visit: Visit): Answer {
            if (!this.map.allowsLeafAt(visit)) return "continue";
            this.replaceWithLeaf(visit);
            this.freed = visit.child;
            for (let refs = this.ops.refsOf(this.freed); refs > 0; refs--) this.ops.putPage(this.freed);
            return "continue";
          }

          override leaf(visit: Visit): Answer {
            return visit.page === this.freed ? "continue" : super.leaf(visit);
          }
        })(ops, map, LOCKED),
    },
    rules: ["walk-into-freed", "freed-twice"],
  },
  {
    mistake: "the deferred free dropped",
    strategy: {
      ...v6_12,
      createMapWalker: (ops, map) =>
        new LockingMap(Object.create(ops, { deferFree: { value() {} } }), map, LOCKED),
    },
    rules: ["leaked-pages"],
  },
  {
    mistake: "a caller that does not flush after write-protect",
    strategy: {
      ...v5_12_rc1,
      generation: {
        ...v5_12_rc1.generation,
        callersFlush: { ...v5_12_rc1.generation.callersFlush, afterWriteProtect: false },
      },
    },
    rules: ["stale-translation"],
  },
  {
    mistake: "a caller that does not flush after ageing",
    strategy: {
      ...v5_12_rc1,
      generation: {
        ...v5_12_rc1.generation,
        callersFlush: { ...v5_12_rc1.generation.callersFlush, afterAge: false },
      },
    },
    rules: ["stale-translation"],
  },
  {
    mistake: "v5.12-rc1 whose fault path does not clean",
    strategy: { ...v5_12_rc1, faultPathCleans: false },
    rules: ["unclean-leaf"],
  },
];
