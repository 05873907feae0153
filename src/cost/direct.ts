import type { CostSample, DirectFigure } from "./cost-sample.js";
import { bootstrapQuantile, quantile } from "./quantile.js";

/** A figure that the traces show directly. */
export interface Measured {
  readonly figure: DirectFigure;
  readonly ns: number;
  readonly range: readonly [number, number] | null;
  /** Number of durations seen. */
  readonly durations: number;
  readonly source: string;
  readonly bound?: string;
}

/** Fewest durations for a quantile. */
const LEAST_DURATIONS = 5;

/** The quantile to take as the figure: for exits one of the shortest, else the median. */
const quantileOf: Readonly<Record<DirectFigure, number>> = {
  exitEntryNs: 0.01,
  handlerNs: 0.5,
  tailNs: 0.5,
  tlbiVmidNs: 0.5,
  retryLapNs: 0.5,
};

const directSource: Readonly<Record<DirectFigure, string>> = {
  exitEntryNs: "1st percentile of the time from the end of a vCPU's abort to its next one",
  handlerNs: "median time from the abort to the map of a page that nobody else's fault overlaps",
  tailNs: "median time from the map's return to the abort's end",
  tlbiVmidNs: "median time from the break to the return of the flush",
  retryLapNs: "exit, handler, a map that is answered with -EAGAIN, and tail, each as measured",
};

/** Measures the figures that the durations of single steps show. */
export function measureDirectly(samples: readonly CostSample[]): Measured[] {
  const measured = (Object.keys(quantileOf) as DirectFigure[]).flatMap((figure): Measured[] => {
    const parts = samples.map((sample) => sample.direct(figure));
    const ns = parts.flatMap((part) => part.ns);
    if (ns.length < LEAST_DURATIONS) return [];
    const durations = parts.reduce((sum, { count }) => sum + count, 0);
    return [
      {
        figure,
        ns: quantile(ns, quantileOf[figure]),
        range: bootstrapQuantile(ns, quantileOf[figure]),
        durations,
        source: `measured: ${directSource[figure]}; ${durations} of them`,
        ...(figure === "exitEntryNs" ? { bound: "at most: what the guest did in between is in it" } : {}),
      },
    ];
  });
  return measured.flatMap((one) => (one.figure === "retryLapNs" ? lapOf(one, measured) : [one]));
}

/** A lap is a whole fault, of which only the map was measured: adds the rest. */
function lapOf(map: Measured, measured: readonly Measured[]): Measured[] {
  const rest = (["exitEntryNs", "handlerNs", "tailNs"] as const).map((figure) =>
    measured.find((one) => one.figure === figure),
  );
  if (!rest.every((part) => part !== undefined)) return [];
  return [{ ...map, ns: rest.reduce((sum, { ns }) => sum + ns, map.ns), range: null }];
}
