import { type Activity, ActivityKind, type Operation, OperationKind } from "../activity/activity.js";
import { ActivityFold } from "../activity/fold.js";
import { CostSample } from "../cost/cost-sample.js";
import type { FigureName } from "../cost/profile.js";
import { sizeText } from "../stage2/address-text.js";
import { FaultClass, faultClass } from "../stage2/esr.js";
import { Charge } from "../stage2/meter.js";
import { Errno, type Stage2Config } from "../strategy/stage2.js";
import type { Strategy } from "../strategy/strategy.js";
import type { EventBatch, StringTable } from "../trace/event.js";
import { checkAddress } from "./input-address.js";
import { figureOf, Shape } from "./plan.js";
import { Reference } from "./reference.js";

const shapeNames = ["unchanged", "install", "split", "coalesce"];
const kindNames = ["map", "unmap", "write-protect", "flush", "relax", "mkyoung", "split", "destroy"];

/** From this many visits on, an operation's own entry and exit hardly matter. */
const LONG_WALK = 16;

/** Reads one trace under the strategy that recorded it, and collects the durations of its operations and handlers. */
export class CostRecorder {
  readonly sample: CostSample;
  private readonly fold: ActivityFold;
  private readonly reference: Reference;
  /** Tables were built while nothing was recorded, so the work of an operation on a range is unknown. */
  private tablesUnknown = false;

  constructor(
    name: string,
    private readonly recorder: Strategy,
    private readonly stage2: Stage2Config,
    private readonly onOneCpu: boolean,
    strings: StringTable,
  ) {
    this.sample = new CostSample(name, recorder.name);
    this.reference = new Reference(stage2, recorder);
    this.fold = new ActivityFold(
      { sharedCpu: onOneCpu, epochGapNs: Number.POSITIVE_INFINITY, pageBytes: stage2.granuleBytes },
      strings,
      {
        operation: (activity, operation) => this.operation(activity, operation),
        activity: (activity) => this.activity(activity),
        barrier: (barrier) => {
          this.tablesUnknown ||= barrier.tablesUnknown;
          this.reference.barrier(barrier);
        },
      },
    );
  }

  consume(batch: EventBatch): void {
    this.fold.fold(batch);
  }

  finish(): CostSample {
    this.fold.finish();
    const { lineNs } = this.fold;
    this.sample.lineNs = Number.isFinite(lineNs) ? lineNs : 0;
    return this.sample;
  }

  private operation(activity: Activity, operation: Operation): void {
    checkAddress(this.stage2.iaBits, activity, operation.ipa + operation.bytes - 1);
    const { unknownSubtrees } = this.reference;
    this.reference.operation(activity, operation);
    if (Number.isNaN(operation.cpuNs)) return;
    const isMap = operation.kind === OperationKind.map;
    const isUndisturbed = operation.endNs - operation.startNs === operation.cpuNs;
    if (isUndisturbed && isMap && operation.ret === Errno.EAGAIN && this.recorder.lockRegime === "shared")
      this.sample.addDirect("retryLapNs", operation.cpuNs);
    const isKnown =
      operation.shape >= 0 &&
      this.reference.unknownSubtrees === unknownSubtrees &&
      (isMap || !(this.tablesUnknown || this.reference.inferredEntries > 0));
    if (!isUndisturbed || !isKnown) {
      this.sample.leftOut++;
      return;
    }
    if (isMap || isLongUnmap(operation)) this.add(operation);
    this.addHandler(activity, operation);
  }

  private add(operation: Operation): void {
    const work = operation.work as Float64Array;
    const counts: Partial<Record<FigureName, number>> = { mapFixedNs: 1 };
    for (const [kind, name, share] of figureOf) {
      const n = work[kind] as number;
      if (n > 0) counts[name] = (counts[name] ?? 0) + n * share;
    }
    const { toBreakNs, toFlushedNs, toInstallNs } = operation;
    const flushNs = toFlushedNs - toBreakNs;
    const isFlushSeen = !Number.isNaN(flushNs) && work[Charge.tlbiVmid] === 1;
    // A break that is known only from the flush after it has no line of its own.
    const hasBreakLine = !Number.isNaN(toBreakNs) && work[Charge.tlbiIpa] === 0;
    if (isFlushSeen) {
      this.sample.addDirect("tlbiVmidNs", flushNs);
      delete counts.tlbiVmidNs;
    }
    const isMap = operation.kind === OperationKind.map;
    const what = isMap ? shapeNames[operation.shape] : kindNames[operation.kind];
    this.sample.add(`${what} ${sizeText(operation.bytes)}`, {
      ns: operation.cpuNs,
      counts,
      edgeLines: Number(hasBreakLine) + Number(!Number.isNaN(toInstallNs)),
      apartNs: isFlushSeen ? flushNs : 0,
    });
  }

  /**
   * The time before a map that overlaps no other fault: the handler, and the recording walker's clean if it is there.
   */
  private addHandler(activity: Activity, operation: Operation): void {
    if (activity.kind !== ActivityKind.fault || operation.kind !== OperationKind.map) return;
    if (activity.operationCount !== 1) return;
    const ns = operation.startNs - activity.startNs;
    if (this.onOneCpu ? ns !== activity.beforeCpuNs : activity.contended || activity.beforeOffNs > 0) return;
    const { bytes, shape } = operation;
    const isPage = bytes === this.stage2.granuleBytes;
    const cleans =
      this.recorder.faultPathCleans &&
      !this.stage2.fwb &&
      faultClass(activity.esr) === FaultClass.translation;
    if (!cleans) {
      if (isPage) this.sample.addDirect("handlerNs", ns);
      return;
    }
    // Before the first map of a block the host zeroes its memory.
    if (!isPage && shape === Shape.install) return;
    this.sample.add(`before a map of ${sizeText(bytes)}`, {
      ns,
      counts: { handlerNs: 1, cleanLineNs: bytes / 64 },
      edgeLines: 0,
      apartNs: 0,
    });
  }

  private activity(activity: Activity): void {
    if (activity.kind === ActivityKind.fault) {
      checkAddress(this.stage2.iaBits, activity, activity.ipa);
      // The shortest of these are exit and entry, with hardly any guest work in between.
      if (activity.thinkNs > 0 && activity.thinkNs === activity.thinkCpuNs)
        this.sample.addDirect("exitEntryNs", activity.thinkNs);
      const last = activity.operationCount - 1;
      const tailNs = last < 0 ? 0 : activity.endNs - activity.operation(last).endNs;
      if (last >= 0 && tailNs > 0 && tailNs === activity.afterCpuNs) this.sample.addDirect("tailNs", tailNs);
    }
    this.fold.pool.release(activity);
  }
}

/** Relax, write-protect and short unmaps run other code, whose entry no figure describes. */
function isLongUnmap({ kind, work }: Operation): boolean {
  const isTaken = kind === OperationKind.unmap || kind === OperationKind.flush;
  return isTaken && ((work as Float64Array)[Charge.entryVisit] as number) >= LONG_WALK;
}
