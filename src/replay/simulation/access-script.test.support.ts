/** Traces of access runs for tests, as the reader would deliver them, and their replay. */

import type { CostProfile } from "../../cost/profile.js";
import { loadProfile, parseProfile } from "../../cost/profile.js";
import type { Strategy } from "../../strategy/strategy.js";
import { EventBatch, Kind, Phase } from "../../trace/event.js";
import { CostScale } from "../cost-scale.js";
import type { Counters } from "../counters.js";
import type { Episode } from "../episode.js";
import { Replay, type ReplaySetup } from "../replay.js";

export const PAGE = 4096;
export const BASE = 2 ** 30;

export interface RunOfAccesses {
  readonly vcpu: number;
  readonly atNs: number;
  /** Page number in the slot. */
  readonly page: number;
  readonly strideBytes: number;
  readonly count: number;
  readonly write: boolean;
  /** Undefined: the profile's. */
  readonly thinkNs: number | undefined;
}

export interface Epoch {
  readonly logging: boolean;
  readonly runs: readonly RunOfAccesses[];
}

export type Fault = readonly [vcpu: number, ipa: number, accessNs: number, endNs: number, faultClass: number];

export class AccessScript {
  private readonly batch: EventBatch;
  private readonly texts = ["guest"];

  /**
   * One slot of `bytes`, in host pages of `pageBytes`; each epoch sets its logging.
   * @param oneByOne whether each access has a line of its own
   */
  constructor(epochs: readonly Epoch[], bytes: number, pageBytes: number, oneByOne = false) {
    const sum = epochs
      .flatMap(({ runs }) => runs)
      .reduce((lines, { count }) => lines + (oneByOne ? count : 1), 0);
    this.batch = new EventBatch(sum + 8 * epochs.length);
    const { batch } = this;
    let startNs = 0;
    for (const [number, { logging, runs }] of epochs.entries()) {
      const slot = this.row(startNs, Kind.memslot, 1);
      batch.slot[slot] = 1;
      batch.addr[slot] = BASE;
      batch.size[slot] = bytes;
      batch.phys[slot] = pageBytes;
      batch.prot[slot] = logging ? 1 : 0;
      if (logging) {
        const protect = this.row(startNs, Kind.s2_wrprotect, 1);
        batch.pgt[protect] = 0;
        batch.addr[protect] = BASE;
        batch.size[protect] = bytes;
        batch.ret[this.row(startNs, Kind.s2_wrprotect_ret, 1)] = 0;
      }
      batch.ret[this.row(startNs, Kind.memslot_ret, 1)] = 0;
      const marker = this.row(startNs, Kind.marker, 1);
      this.texts.push(`epoch ${number}`);
      batch.text[marker] = this.texts.length - 1;
      batch.phase[marker] = Phase.begin;
      const lines = runs.flatMap((run) => (oneByOne ? accessesOf(run) : [run]));
      lines.sort((a, b) => a.atNs - b.atNs || a.vcpu - b.vcpu);
      for (const { vcpu, atNs, page, strideBytes, count, write, thinkNs } of lines) {
        const kind = oneByOne ? Kind.guest_access : Kind.guest_access_run;
        const line = this.row(startNs + atNs, kind, 10 + vcpu);
        batch.addr[line] = BASE + page * PAGE;
        batch.size[line] = strideBytes;
        batch.amount[line] = count;
        batch.write[line] = write ? 1 : 0;
        batch.thinkNs[line] = thinkNs ?? Number.NaN;
      }
      startNs += Math.max(0, ...lines.map(({ atNs }) => atNs)) + 1_000_000;
    }
  }

  private row(atNs: number, kind: number, pid: number): number {
    const row = this.batch.count++;
    this.batch.atNs[row] = atNs;
    this.batch.kind[row] = kind;
    this.batch.pid[row] = pid;
    this.batch.vm[row] = 0;
    return row;
  }

  replay(strategy: Strategy, options: Partial<ReplaySetup> = {}): Counters {
    const replay = new Replay(
      {
        strategies: [strategy],
        scale: CostScale.whole,
        ablations: [],
        recorder: undefined,
        stage2: { granuleBytes: PAGE, iaBits: 40, fwb: false, hasTlbiRange: false },
        profile: loadProfile("kunpeng920"),
        pcpus: Number.POSITIVE_INFINITY,
        lockWait: "spin",
        recordedPcpus: Number.POSITIVE_INFINITY,
        recordedLockWait: "spin",
        emulatedCpus: 1,
        epochGapNs: Number.POSITIVE_INFINITY,
        arrivalSeed: undefined,
        counts: () => true,
        countsVm: () => true,
        sanitizes: false,
        ...options,
      },
      { size: this.texts.length, text: (id) => this.texts[id] as string },
    );
    for (const _ of replay.consume(this.batch));
    for (const _ of replay.finish());
    return replay.counters(strategy);
  }

  /** The replayed faults, with times since the start of their epoch. */
  replayFaults(strategy: Strategy, profile: CostProfile): { faults: Fault[]; counters: Counters } {
    const faults: Fault[] = [];
    const observer = {
      ended: ({ isFault, thread, ipa, startNs, endNs, faultClass }: Episode) => {
        if (isFault) faults.push([thread, ipa, startNs, endNs, faultClass]);
      },
    };
    const counters = this.replay(strategy, { profile, observer });
    return { faults: faults.map((fault) => sinceEpoch(fault, counters)), counters };
  }
}

function accessesOf(run: RunOfAccesses): RunOfAccesses[] {
  return Array.from({ length: run.count }, (_, n) => ({
    ...run,
    atNs: run.atNs + n * (run.thinkNs ?? 0),
    page: run.page + (n * run.strideBytes) / PAGE,
    count: 1,
  }));
}

/** A run takes time after its last access, which single accesses cannot express: what follows may begin later. */
function sinceEpoch([vcpu, ipa, accessNs, endNs, faultClass]: Fault, { epochs }: Counters): Fault {
  const { startNs } = epochs.findLast((epoch) => epoch.startNs <= accessNs) as Counters["epochs"][number];
  return [vcpu, ipa, accessNs - startNs, endNs - startNs, faultClass];
}

/** Odd figures, so that two vCPUs hardly ever meet in one nanosecond, where the order of lines would decide. */
export function oddProfile(): CostProfile {
  const { figures, ...rest } = loadProfile("kunpeng920").document;
  const odd = Object.entries(figures).map(([name, figure], n) => [
    name,
    name === "cleanLineNs" ? figure : { ...figure, value: Math.round(figure.value) * 7 + 13 * n },
  ]);
  return parseProfile({ ...rest, name: "odd", figures: Object.fromEntries(odd) }, "odd");
}
