/** Distribution of stalls: for each length, the share of faulted accesses that stall at most that long. */

import uPlot from "uplot";
import { formatCount, formatNs } from "../../quantity.js";
import { byId, element } from "./dom.js";
import type { Model, PageSide } from "./model.js";
import { inksOf, lines } from "./palette.js";
import "./uplot-license.js";

const shares = [0.5, 0.9, 0.99, 0.999, 1];
/** Marks on the axis of shares, of which those in range are shown. */
const marks = [0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999, 0.9999999, 0.99999999];

/** Stretches the axis toward 100 %, as latency histograms do: each unit leaves a tenth of the rest. */
function stretched(share: number): number {
  return -Math.log10(1 - share);
}

function shareText(share: number): string {
  if (share >= 1) return "100 %";
  const percent = 100 * share;
  return `${Number(percent.toFixed(Math.max(0, 1 - Math.floor(Math.log10(100 - percent)))))} %`;
}

export class Distribution {
  private readonly box = byId("distribution");
  private readonly figure = element("div", { className: "plot" });
  private plot: uPlot | undefined;
  private readonly data: uPlot.AlignedData | undefined;

  constructor(private readonly model: Model) {
    const { sides } = model;
    const filled = sides.filter(({ stalls }) => stalls.ns.length > 0);
    if (filled.length === 0) {
      this.box.append(element("p", { textContent: "No access faulted." }));
      return;
    }
    this.data = dataOf(sides);
    this.figure.setAttribute("role", "img");
    this.figure.setAttribute("aria-label", `Distribution of stalls. ${sides.map(inWords).join(". ")}`);
    this.box.append(
      element("p", {
        className: "note",
        textContent:
          "Share of the faulted accesses that stall no longer than this; the axis of shares is stretched toward 100 %.",
      }),
      this.figure,
      this.table(),
    );
    this.draw();
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(this.box);
  }

  draw(): void {
    if (this.data === undefined) return;
    this.plot?.destroy();
    this.figure.replaceChildren();
    const inks = inksOf(document.body);
    const { model } = this;
    const axis = {
      stroke: inks.faint,
      grid: { stroke: inks.line, width: 1 },
      ticks: { stroke: inks.line, width: 1 },
    };
    this.plot = new uPlot(
      {
        ...this.size(),
        scales: { x: { distr: 3, time: false }, y: { range: (_, __, most) => [0, most * 1.04] } },
        axes: [
          {
            ...axis,
            label: "stall of a faulted access",
            labelSize: 22,
            values: (_, at) => at.map((ns) => (ns !== null && isPower(ns) ? formatTick(ns) : "")),
          },
          {
            ...axis,
            size: 92,
            splits: (plot) => {
              const most = plot.scales.y?.max ?? 0;
              return marks
                .filter((share) => share !== 0.5 || most < 4)
                .map(stretched)
                .filter((y) => y <= most);
            },
            values: (_, at) => at.map((y) => shareText(1 - 10 ** -y)),
          },
        ],
        series: [
          { label: "stall at most", value: (_, ns) => (ns === null ? "-" : formatNs(ns)) },
          ...model.sides.map((side, index) => {
            const look = lines[index % lines.length]!;
            return {
              label: side.name,
              stroke: look[inks.theme],
              width: 2,
              dash: [...look.dash],
              points: { show: false },
              paths: uPlot.paths.stepped!({ align: 1 }),
              value: (_: uPlot, y: number | null) => (y === null ? "" : shareText(1 - 10 ** -y)),
            };
          }),
        ],
        cursor: { drag: { x: false, y: false } },
      },
      this.data,
      this.figure,
    );
  }

  private size(): { width: number; height: number } {
    const width = this.box.clientWidth;
    return { width: Math.max(240, width), height: width < 560 ? 220 : 280 };
  }

  private table(): HTMLElement {
    const head = element(
      "tr",
      {},
      element("td"),
      ...shares.map((share) =>
        element("th", {
          scope: "col",
          textContent: share === 1 ? "longest" : `${Number((100 * share).toFixed(1))} %`,
        }),
      ),
    );
    const rows = this.model.sides.map((side) =>
      element(
        "tr",
        {},
        element("th", { scope: "row", textContent: side.name }),
        ...shares.map((share) => element("td", { textContent: quantileText(side, share) })),
      ),
    );
    const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
    const scroll = element("div", { className: "scroll", tabIndex: 0 }, table);
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Quantiles of the stalls");
    return element(
      "details",
      {},
      element("summary", { textContent: "As a table: no longer than, to three digits" }),
      scroll,
    );
  }
}

/** The lengths of all sides on one axis and, for each side, the share of stalls that are at most as long. */
function dataOf(sides: readonly PageSide[]): uPlot.AlignedData {
  const lengths = [...new Set(sides.flatMap(({ stalls }) => [...stalls.ns]))]
    .map((ns) => Math.max(1, ns))
    .sort((a, b) => a - b);
  const xs = [lengths[0]! * 0.8, ...lengths, lengths.at(-1)! * 1.2];
  return [
    xs,
    ...sides.map(({ stalls }) => {
      const sum = stalls.count.reduce((all, count) => all + count, 0);
      let at = 0;
      let seen = 0;
      return xs.map((ns) => {
        while (at < stalls.ns.length && stalls.ns[at]! <= ns) seen += stalls.count[at++]!;
        // 100 % would be at infinity, so the last access is drawn half an access below it.
        return sum === 0 ? null : stretched(Math.min(seen / sum, 1 - 0.5 / sum));
      });
    }),
  ];
}

function quantile({ stalls }: PageSide, share: number): number | undefined {
  const sum = stalls.count.reduce((all, count) => all + count, 0);
  let seen = 0;
  for (let at = 0; at < stalls.ns.length; at++) {
    seen += stalls.count[at]!;
    if (seen >= sum * share) return stalls.ns[at];
  }
  return undefined;
}

function quantileText(side: PageSide, share: number): string {
  const ns = quantile(side, share);
  return ns === undefined ? "no fault" : `${side.mark}${formatNs(ns)}`;
}

function inWords(side: PageSide): string {
  const sum = side.stalls.count.reduce((all, count) => all + count, 0);
  return `${side.name}: ${formatCount(sum)} accesses faulted; half of them stall at most ${quantileText(side, 0.5)}, 99 % at most ${quantileText(side, 0.99)}, the longest ${quantileText(side, 1)}`;
}

function isPower(ns: number): boolean {
  return Math.abs(Math.log10(ns) - Math.round(Math.log10(ns))) < 1e-9;
}

function formatTick(ns: number): string {
  return formatNs(ns).replace(/\.0+(?= )/, "");
}
