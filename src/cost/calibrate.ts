/** Fits a cost profile to traces. Figures that they do not determine come from another profile, and are marked so. */

import type { CostSample, Timed } from "./cost-sample.js";
import { measureDirectly } from "./direct.js";
import { type Column, columnsOf, type Row, rowsOf } from "./fit-rows.js";
import { type HeldOut, heldOutOf } from "./held-out.js";
import { type CostProfile, type FigureName, type ProfileDocument, parseProfile } from "./profile.js";
import { BOOTSTRAPS, fitRobustly } from "./robust-fit.js";

/** How a figure was obtained. */
type Origin = "fitted" | "leaning" | "shared out" | "measured" | "derived" | "kept";

interface CalibratedFigure {
  /** The figure's name; `entryVisitNs of pre-patch` if it is one walker's. */
  readonly name: string;
  readonly ns: number;
  readonly range: readonly [number, number] | null;
  /** The same figure of the profile that calibration started from. */
  readonly baseNs: number;
  readonly origin: Origin;
  /** Number of durations that it is based on. */
  readonly durations: number;
}

export interface Calibration {
  readonly profile: CostProfile;
  readonly figures: readonly CalibratedFigure[];
  /** Number of operations in the fit. */
  readonly operations: number;
  /** Operations left out: another thread ran in between, or their work is unknown. */
  readonly leftOut: number;
  readonly heldOut: HeldOut;
  readonly warnings: readonly string[];
}

type ProfileFigure = ProfileDocument["figures"][FigureName];

/** A figure is determined if the ends of its range differ by no more than this factor. */
const WIDEST_RANGE = 2;
/** Fewest operations for a fit. */
const LEAST_OPERATIONS = 20;
/** Fits a profile. @returns undefined if the samples hold too few operations of known duration */
export function calibrate(samples: readonly CostSample[], base: CostProfile): Calibration | undefined {
  const walkers = [...new Set(samples.map(({ walker }) => walker))];
  const columns = columnsOf(samples, walkers);
  const kinds = [...new Set(samples.flatMap((sample) => [...sample.kinds.keys()]))];
  const rows = samples.flatMap((sample) => rowsOf(sample, kinds, columns));
  if (rows.length < LEAST_OPERATIONS) return undefined;
  return new Calibrating(samples, base, walkers, columns, rows).result();
}

class Calibrating {
  private readonly figures: CalibratedFigure[] = [];
  private readonly warnings: string[] = [];
  private readonly document: ProfileDocument["figures"];
  private readonly walkerFigures: Record<string, { entryVisitNs: ProfileFigure }> = {};

  constructor(
    private readonly samples: readonly CostSample[],
    private readonly base: CostProfile,
    private readonly walkers: readonly string[],
    private readonly columns: readonly Column[],
    private readonly rows: readonly Row[],
  ) {
    this.document = { ...base.document.figures };
  }

  result(): Calibration {
    this.fit();
    for (const { figure, ...measured } of measureDirectly(this.samples))
      if (!this.figures.some(({ name }) => name === figure))
        this.set({ figure, walker: undefined }, { ...measured, ns: round(measured.ns), origin: "measured" });
    this.keepTheRest();
    const heldOut = heldOutOf(this.samples, (timed, sample) => this.predict(timed, sample));
    for (const { kind, median, operations } of heldOut.byKind)
      if (median > 0.1 && operations > 0)
        this.warnings.push(`${kind}: held-out operations are ${percent(median)} off at the median`);
    const { document } = this.base;
    const all = heldOut.all;
    const source =
      `fitted by s2replay calibrate on ${this.samples.map(({ name, walker }) => `${name} (${walker})`).join(", ")}: ` +
      `${this.rows.length} operations; held-out error of ${all.operations}: ${percent(all.median)} at the median, ${percent(all.p90)} at the 90th percentile. ` +
      `Times are those of the machine while it recorded: a figure has in it the recorded lines of its own interval ` +
      `(mapFixedNs one, tlbiVmidNs, tlbiIpaNs and handlerNs those of their probes; about ${this.lineText()} each); ` +
      "s2_break and s2_install are in none, a replay adds them. What these traces do not tell is that of profile " +
      `${this.base.name}`;
    return {
      profile: parseProfile(
        {
          schema: document.schema,
          name: "fit",
          source,
          figures: this.document,
          ...(Object.keys(this.walkerFigures).length === 0 ? {} : { walkers: this.walkerFigures }),
          guestReadNs: document.guestReadNs,
        },
        "fit",
      ),
      figures: this.inOrder(),
      operations: this.rows.length,
      leftOut: this.samples.reduce((sum, { leftOut }) => sum + leftOut, 0),
      heldOut,
      warnings: this.warnings,
    };
  }

  private inOrder(): CalibratedFigure[] {
    const names = Object.keys(this.document);
    const place = ({ name }: CalibratedFigure) => names.indexOf(name.split(" ")[0] as string);
    return this.figures.sort(
      (a, b) => place(a) - place(b) || Number(a.name > b.name) - Number(a.name < b.name),
    );
  }

  private lineText(): string {
    return [...new Set(this.samples.map(({ lineNs }) => `${Math.round(lineNs)} ns`))].join(", ");
  }

  private fit(): void {
    const { columns, rows } = this;
    const base = columns.map(({ figure, walker }) => this.base.figure(figure, walker) || 1);
    const fit = fitRobustly(
      {
        columns: columns.length,
        counts: Float64Array.from(rows.flatMap(({ counts }) => [...counts])),
        ns: Float64Array.from(rows, ({ ns }) => ns),
        importance: Float64Array.from(rows, ({ importance }) => importance),
        kind: Int32Array.from(rows, ({ kind }) => kind),
      },
      base,
    );
    for (const group of fit.groups)
      this.warnings.push(
        `${listed(group.map((j) => this.nameOf(columns[j]!)))} cannot be told apart: in these traces they come in one proportion. ` +
          `Their cost together is fitted, and shared out as profile ${this.base.name} has them`,
      );
    const open: string[] = [];
    for (const [j, column] of columns.entries()) {
      if (fit.kept.includes(j)) continue;
      const isShared = fit.groups.some((group) => group.includes(j));
      const isOpen = fit.most[j]! > WIDEST_RANGE * fit.least[j]!;
      if (isOpen) open.push(this.nameOf(column));
      const operations = this.rows.filter(({ counts }) => counts[j] !== 0).length;
      const how = isShared
        ? `share of a fitted sum, in the proportion of profile ${this.base.name}`
        : `fitted${isOpen ? `, with little to go by: leans on profile ${this.base.name}` : ""}`;
      this.set(column, {
        ns: round(fit.ns[j]!),
        range: [round(fit.least[j]!), round(fit.most[j]!)],
        origin: isShared ? "shared out" : isOpen ? "leaning" : "fitted",
        durations: operations,
        source: `${how}; ${operations} operations, 95 % of ${BOOTSTRAPS} bootstrap fits in range`,
      });
    }
    if (open.length > 0)
      this.warnings.push(
        `these traces hardly tell ${listed(open)}: the ends of their ranges are more than a factor of two apart, and where ` +
          `in between they are put leans on profile ${this.base.name}`,
      );
    this.scaleOtherWalkers(columns.filter((_, j) => !fit.kept.includes(j)));
  }

  /** Visits of walkers that recorded nothing: scales the base profile's figures by the mean ratio of those that did. */
  private scaleOtherWalkers(told: readonly Column[]): void {
    const given = Object.keys(this.base.document.walkers ?? {});
    const own = told.filter(({ figure }) => figure === "entryVisitNs").map(({ walker }) => walker as string);
    const ratios = own.map(
      (walker) => this.visitNs(walker) / (this.base.figure("entryVisitNs", walker) || 1),
    );
    const ratio = ratios.reduce((product, each) => product * each, 1) ** (1 / Math.max(1, ratios.length));
    const scale = (walker: string | undefined) =>
      this.set(
        { figure: "entryVisitNs", walker },
        {
          ns: round(this.base.figure("entryVisitNs", walker) * ratio),
          range: null,
          origin: own.length === 0 ? "kept" : "derived",
          durations: 0,
          source:
            own.length === 0
              ? `not told by these traces; as in profile ${this.base.name}`
              : `not told by these traces: ${round(ratio)} times that of profile ${this.base.name}, as with ${listed(own)}`,
        },
      );
    if (!own.some((walker) => this.isPlain(walker))) scale(undefined);
    for (const walker of new Set([...given, ...this.walkers]))
      if (!own.includes(walker) && !this.isPlain(walker)) scale(walker);
  }

  private visitNs(walker: string | undefined): number {
    return (this.walkerFigures[walker ?? ""]?.entryVisitNs ?? this.document.entryVisitNs).value;
  }

  private keepTheRest(): void {
    const kept: string[] = [];
    for (const [name, figure] of Object.entries(this.document) as [FigureName, ProfileFigure][]) {
      if (this.figures.some((done) => done.name === name)) continue;
      kept.push(name);
      this.set(
        { figure: name, walker: undefined },
        {
          ns: figure.value,
          range: figure.range ?? null,
          origin: "kept",
          durations: 0,
          source: `not told by these traces; profile ${this.base.name}: ${figure.source}`,
          ...(figure.bound === undefined ? {} : { bound: figure.bound }),
        },
      );
    }
    if (kept.length > 0)
      this.warnings.push(`not told by these traces, kept from profile ${this.base.name}: ${listed(kept)}`);
  }

  private set(
    column: Column,
    given: {
      ns: number;
      range: readonly [number, number] | null;
      origin: Origin;
      durations: number;
      source: string;
      bound?: string;
    },
  ): void {
    const { ns, range, origin, durations, source, bound } = given;
    const figure: ProfileFigure = {
      value: ns,
      source,
      assumed: origin !== "fitted" && origin !== "measured",
      ...(bound === undefined ? {} : { bound }),
      ...(range === null ? {} : { range: [Math.min(range[0], ns), Math.max(range[1], ns)] }),
    };
    const { walker } = column;
    if (walker === undefined || this.isPlain(walker)) this.document[column.figure] = figure;
    else this.walkerFigures[walker] = { entryVisitNs: figure };
    this.figures.push({
      name: this.nameOf(column),
      ns,
      range,
      baseNs: this.base.figure(column.figure, walker),
      origin,
      durations,
    });
  }

  /** Whether this walker recorded everything, and the base profile has no figure of its own for it. */
  private isPlain(walker: string): boolean {
    return (
      this.walkers.length === 1 &&
      this.walkers[0] === walker &&
      this.base.document.walkers?.[walker] === undefined
    );
  }

  private nameOf({ figure, walker }: Column): string {
    return walker === undefined || this.isPlain(walker) ? figure : `${figure} of ${walker}`;
  }

  private predict({ counts, edgeLines, apartNs }: Timed, { walker, lineNs }: CostSample): number {
    let ns = edgeLines * lineNs + (apartNs > 0 ? this.document.tlbiVmidNs.value : 0);
    for (const [figure, n] of Object.entries(counts) as [FigureName, number][])
      ns += n * (figure === "entryVisitNs" ? this.visitNs(walker) : this.document[figure].value);
    return ns;
  }
}

/** Rounds to four digits: more would only be noise. */
function round(ns: number): number {
  return Number(ns.toPrecision(4));
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
