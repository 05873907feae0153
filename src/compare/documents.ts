/** Converts a result to its published documents and back; each has the same numbers in the layout of its schema. */

import type { Ablation } from "./ablation.js";
import type { ResultKind } from "./options.js";
import type { CompareResult, DiffResult, Figure, ReplayRunResult } from "./result.js";
import type { ResultSide, Samples, TraceResult } from "./trace-result.js";

export type ResultDocument = DiffResult | CompareResult | ReplayRunResult;

/** Where a document has a side, and that side's part of each epoch. */
interface Place {
  readonly side: string;
  epoch(index: number): string;
}

const diffSides = ["base", "candidate"] as const;

const placeIn: Readonly<Record<ResultKind, (side: number) => Place>> = {
  diff: (side) => {
    const name = diffSides[side]!;
    return { side: name, epoch: (index) => `epochs.${index}.${name}` };
  },
  compare: (side) => ({
    side: `sides.${side}.result`,
    epoch: (index) => `epochs.${index}.sides.${side}`,
  }),
  replay: () => ({ side: "result", epoch: (index) => `epochs.${index}` }),
};

/** Path in the document of a side's number, whose path in the side is `stallNs.p50` or `epochs.0.makespanNs`. */
function pathIn(place: Place, path: string): string {
  const [, index, name] = /^epochs\.(\d+)\.(.*)$/.exec(path) ?? [];
  return index === undefined ? `${place.side}.${path}` : `${place.epoch(Number(index))}.${name}`;
}

function figuresOf({ kind, sides }: TraceResult): Record<string, Figure> {
  return Object.fromEntries(
    sides.flatMap(({ figures }, side) => {
      const place = placeIn[kind](side);
      return Object.entries(figures).map(([path, figure]) => [pathIn(place, path), figure] as const);
    }),
  );
}

export function diffDocument(result: TraceResult): DiffResult {
  const { trace, profile, selfReplay, sides, ablation, samples, caveats, findings } = result;
  const [base, candidate] = sides as [ResultSide, ResultSide];
  return {
    schema: "s2replay-diff/1",
    ...(candidate.verdict === null ? {} : { verdict: candidate.verdict }),
    trace,
    profile,
    timing: { baseRecordedRatio: base.recordedRatio, candidateRecordedRatio: candidate.recordedRatio },
    selfReplay,
    base: base.replay,
    candidate: candidate.replay,
    epochs: result.epochs.map((epoch, n) => ({
      ...epoch,
      base: base.epochs[n]!,
      candidate: candidate.epochs[n]!,
    })),
    figures: figuresOf(result),
    ablation: ablation === null ? null : ablationDocument(ablation),
    samples: samples === null ? null : samplesDocument(samples),
    caveats: [...caveats],
    findings: listOf(findings),
  };
}

function ablationDocument({ epoch, asIs, costs }: Ablation): NonNullable<DiffResult["ablation"]> {
  const [base, candidate] = asIs;
  return {
    epoch,
    asIs: { base: base!, candidate: candidate! },
    costs: costs.map(({ label, impossible, sides, remaining }) => ({
      label,
      impossible,
      base: sides[0]!,
      candidate: sides[1]!,
      remaining: remaining[1]!,
    })),
  };
}

function samplesDocument({ draws, changes }: Samples): NonNullable<DiffResult["samples"]> {
  return { ...draws, figures: [...changes[1]!] };
}

export function compareDocument(result: TraceResult): CompareResult {
  const { trace, profile, selfReplay, sides, samples, caveats, findings } = result;
  return {
    schema: "s2replay-compare/1",
    trace,
    profile,
    selfReplay,
    sides: sides.map(({ recordedRatio, verdict, replay }) => ({ recordedRatio, verdict, result: replay })),
    epochs: result.epochs.map((epoch, n) => ({ ...epoch, sides: sides.map(({ epochs }) => epochs[n]!) })),
    figures: figuresOf(result),
    samples: samples?.draws ?? null,
    caveats: [...caveats],
    findings: listOf(findings),
  };
}

export function replayDocument(result: TraceResult): ReplayRunResult {
  const { trace, profile, selfReplay, sides, samples, caveats, findings } = result;
  const [{ replay, recordedRatio, epochs }] = sides as [ResultSide];
  return {
    schema: "s2replay-replay/1",
    trace,
    profile,
    timing: { recordedRatio },
    selfReplay,
    result: replay,
    epochs: result.epochs.map((epoch, n) => ({ ...epoch, ...epochs[n]! })),
    figures: figuresOf(result),
    samples: samples?.draws ?? null,
    caveats: [...caveats],
    findings: listOf(findings),
  };
}

export function documentOf(result: TraceResult): ResultDocument {
  switch (result.kind) {
    case "diff":
      return diffDocument(result);
    case "compare":
      return compareDocument(result);
    case "replay":
      return replayDocument(result);
  }
}

/** The result that a document was made from. */
export function resultOfDocument(document: ResultDocument): TraceResult {
  const { trace, profile, selfReplay, caveats, findings = null } = document;
  const { kind, sides, ...more } = partsOf(document);
  const own = sides.map((side, n) => ({
    ...side,
    figures: ownFigures(document.figures ?? {}, placeIn[kind](n), document.epochs.length),
  }));
  const epochs = document.epochs.map(({ label, startNs }) => ({ label, startNs }));
  return { kind, trace, profile, selfReplay, sides: own, epochs, ...more, caveats, findings, memslots: null };
}

type Parts = Pick<TraceResult, "kind" | "ablation" | "samples"> & {
  readonly sides: readonly Omit<ResultSide, "figures">[];
};

function partsOf(document: ResultDocument): Parts {
  switch (document.schema) {
    case "s2replay-replay/1": {
      const { result, timing, epochs, samples } = document;
      return {
        kind: "replay",
        sides: [
          {
            replay: result,
            recordedRatio: timing.recordedRatio,
            epochs: epochs.map(epochFigures),
            verdict: null,
          },
        ],
        ablation: null,
        samples: drawsOf(samples),
      };
    }
    case "s2replay-compare/1": {
      const { sides, epochs, samples } = document;
      return {
        kind: "compare",
        sides: sides.map(({ result, recordedRatio, verdict = null }, n) => ({
          replay: result,
          recordedRatio,
          epochs: epochs.map((epoch) => epoch.sides[n]!),
          verdict,
        })),
        ablation: null,
        samples: drawsOf(samples),
      };
    }
    default:
      return partsOfDiff(document);
  }
}

function partsOfDiff(document: DiffResult): Parts {
  const { timing, epochs, ablation, samples, verdict = null } = document;
  const ratios = [timing.baseRecordedRatio, timing.candidateRecordedRatio];
  return {
    kind: "diff",
    sides: diffSides.map((side, n) => ({
      replay: document[side],
      recordedRatio: ratios[n]!,
      epochs: epochs.map((epoch) => epoch[side]),
      verdict: n === 0 ? null : verdict,
    })),
    ablation:
      ablation == null
        ? null
        : {
            epoch: ablation.epoch,
            asIs: [ablation.asIs.base, ablation.asIs.candidate],
            costs: ablation.costs.map(({ label, impossible, base, candidate, remaining }) => ({
              label,
              impossible,
              sides: [base, candidate],
              remaining: [{ makespan: null, stall: null }, remaining],
            })),
          },
    samples: samples == null ? null : samplesOf(samples),
  };
}

function samplesOf({ figures, ...draws }: NonNullable<DiffResult["samples"]>): Samples {
  return { draws, changes: [[], figures] };
}

function drawsOf(draws: CompareResult["samples"]): Samples | null {
  return draws == null ? null : { draws, changes: [] };
}

function epochFigures({ makespanNs, faults }: ReplayRunResult["epochs"][number]) {
  return { makespanNs, faults };
}

/** The figures of one side, by its own paths. */
function ownFigures(
  figures: Readonly<Record<string, Figure>>,
  place: Place,
  epochs: number,
): Record<string, Figure> {
  const own: Record<string, Figure> = {};
  const take = (prefix: string, ownPrefix: string): void => {
    for (const [path, figure] of Object.entries(figures))
      if (path.startsWith(prefix)) own[ownPrefix + path.slice(prefix.length)] = figure;
  };
  take(`${place.side}.`, "");
  for (let n = 0; n < epochs; n++)
    for (const name of ["makespanNs", "faults"]) {
      const figure = figures[`${place.epoch(n)}.${name}`];
      if (figure !== undefined) own[`epochs.${n}.${name}`] = figure;
    }
  return own;
}

function listOf<T>(list: readonly T[] | null): T[] | null {
  return list === null ? null : [...list];
}
