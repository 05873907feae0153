/** A map of IPA against time: what was mapped, split and coalesced where, and where the guests faulted. */

import { hex, sizeText } from "../../../stage2/address-text.js";
import { Cause } from "./cause.js";
import { byId, clip, element, font, sharpen } from "./dom.js";
import type { Model, PageSide } from "./model.js";
import { colorOf, type Inks, inksOf } from "./palette.js";
import { type Region, regionsOf } from "./regions.js";
import type { Selection } from "./selection.js";
import { ticks, type View } from "./view.js";

const height = 210;
const headHeight = 20;

export class AddressMap {
  private readonly canvases: HTMLCanvasElement[];
  private readonly regions: readonly Region[];
  private inks: Inks;
  private due = false;
  private shown: number[];

  constructor(
    private readonly model: Model,
    private readonly view: View,
    private readonly selection: Selection,
  ) {
    this.inks = inksOf(document.body);
    this.regions = regionsOf(model, headHeight, height);
    this.shown = model.sides.map((_, side) => side).slice(0, 2);
    const names = this.shown.map((side, panel) => this.nameOf(side, panel));
    this.canvases = this.shown.map(() => element("canvas"));
    byId("map").append(legend(), ...this.shown.flatMap((_, panel) => [names[panel]!, this.canvases[panel]!]));
    for (const [panel, canvas] of this.canvases.entries()) {
      canvas.setAttribute("role", "img");
      canvas.addEventListener("click", (event) => this.pick(panel, event));
    }
    view.onChange(() => this.paint());
    selection.onChange(() => this.paint());
    new ResizeObserver(() => this.paint()).observe(byId("map"));
  }

  retint(): void {
    this.inks = inksOf(document.body);
    this.paintNow();
  }

  paint(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.paintNow();
    });
  }

  paintNow(): void {
    for (const [panel, side] of this.shown.entries())
      this.paintSide(this.model.sides[side]!, side, this.canvases[panel]!);
  }

  /** If there are more strategies than panels, the strategy of the last panel can be chosen. */
  private nameOf(side: number, panel: number): HTMLElement {
    const { sides } = this.model;
    if (panel === 0 || sides.length <= 2) return element("h3", { textContent: sides[side]!.name });
    const select = element("select", { ariaLabel: "Strategy of the second map" });
    sides.forEach(({ name }, at) => {
      if (at > 0) select.append(element("option", { textContent: name, value: String(at) }));
    });
    select.addEventListener("change", () => {
      this.shown[panel] = Number(select.value);
      this.paintNow();
    });
    return element("h3", {}, select);
  }

  private labels(width: number): number {
    return width < 560 ? 76 : 130;
  }

  private paintSide(side: PageSide, index: number, canvas: HTMLCanvasElement): void {
    const width = byId("map").clientWidth;
    if (width === 0) return;
    const context = sharpen(canvas, width, height);
    const { inks, view, model } = this;
    const labels = this.labels(width);
    const pxPerNs = (width - labels) / view.spanNs;
    const xOf = (ns: number) => labels + (ns - view.fromNs) * pxPerNs;
    context.fillStyle = inks.paper;
    context.fillRect(0, 0, width, height);
    context.textBaseline = "middle";
    context.font = font(11);
    for (const region of this.regions) {
      context.fillStyle = inks.lane;
      context.fillRect(labels, region.top, width - labels, region.height);
      if (region.height < 11) continue;
      context.fillStyle = inks.faint;
      context.fillText(clip(context, hex(region.start), labels - 6), 2, region.top + region.height / 2);
    }
    context.save();
    context.beginPath();
    context.rect(labels, 0, width - labels, height);
    context.clip();
    for (const { ns, text } of ticks(view, width - labels)) {
      context.fillStyle = inks.line;
      context.fillRect(Math.round(xOf(ns)), headHeight - 6, 1, height);
      context.fillStyle = inks.faint;
      context.fillText(text, Math.round(xOf(ns)) + 3, 8);
    }
    const counts = this.paintEpisodes(context, side, xOf, pxPerNs, labels, width);
    if (this.selection.picked?.side === index) {
      const { row } = this.selection.picked;
      const y = this.yOf(side.episodes.ipa[row]!);
      if (y !== undefined) {
        context.strokeStyle = inks.select;
        context.lineWidth = 2;
        context.strokeRect(xOf(model.startOf(side, row)) - 5, y - 5, 10, 10);
      }
    }
    context.restore();
    canvas.setAttribute(
      "aria-label",
      `Address map of ${side.name}, in view: ${counts.faults} faults, ${counts.maps} operations, ${counts.splits} splits, ${counts.coalesces} coalesces, over ${this.regions.map(({ start, end }) => `${sizeText(end - start)} from ${hex(start)}`).join(" and ")}`,
    );
  }

  private paintEpisodes(
    context: CanvasRenderingContext2D,
    side: PageSide,
    xOf: (ns: number) => number,
    pxPerNs: number,
    labels: number,
    width: number,
  ): { faults: number; maps: number; splits: number; coalesces: number } {
    const of = side.episodes;
    const { model, inks, view } = this;
    const counts = { faults: 0, maps: 0, splits: 0, coalesces: 0 };
    const marks: [number, number, number, string][] = [];
    let lastX = -1;
    let lastY = -1;
    for (let row = 0; row < side.count; row++) {
      const ns = model.startOf(side, row);
      if (ns > view.toNs || ns + of.spanNs[row]! < view.fromNs) continue;
      const x = xOf(ns);
      const y = this.yOf(of.ipa[row]!);
      if (of.isFault[row] === 1 && y !== undefined) {
        counts.faults++;
        if (Math.abs(x - lastX) >= 0.5 || Math.abs(y - lastY) >= 0.5) {
          context.fillStyle = colorOf(of.cause[row]!, inks.theme);
          context.fillRect(x - 0.75, y - 0.75, 1.5, 1.5);
          lastX = x;
          lastY = y;
        }
      }
      if (of.lockedAfter[row]! < 0) continue;
      counts.maps++;
      const isCoalesce = of.windows[row]! > 0;
      const isSplit = of.splits[row]! > 0;
      if (!isCoalesce && !isSplit && of.isFault[row] === 1 && of.operationBytes[row]! <= 65536) continue;
      const from = of.ipa[row]! + of.operationOffset[row]!;
      const bottom = this.yOf(from);
      if (bottom === undefined) continue;
      const top = this.yOf(from + Math.max(0, of.operationBytes[row]! - 1)) ?? bottom;
      const at = xOf(ns + of.lockedAfter[row]!);
      const w = Math.max(isCoalesce || isSplit ? 3 : 1, of.heldNs[row]! * pxPerNs);
      const h = Math.max(2, bottom - top);
      if (at + w < labels || at > width) continue;
      if (isCoalesce) counts.coalesces++;
      if (isSplit) counts.splits++;
      if (isCoalesce || isSplit)
        marks.push([at, top + h / 2, Math.max(w, h), isCoalesce ? "coalesce" : "split"]);
      context.globalAlpha = isCoalesce ? 0.8 : 0.45;
      context.fillStyle = colorOf(
        isCoalesce ? Cause.coalesceTrigger : isSplit ? Cause.loggingWrite : Cause.hostOperation,
        inks.theme,
      );
      context.fillRect(at, top, w, h);
      context.globalAlpha = 1;
    }
    // Shapes complement the colours: a coalesce is a triangle, a split a rhombus.
    for (const [x, y, , kind] of marks) {
      context.fillStyle = colorOf(
        kind === "coalesce" ? Cause.coalesceTrigger : Cause.loggingWrite,
        inks.theme,
      );
      context.strokeStyle = inks.paper;
      context.lineWidth = 1;
      context.beginPath();
      if (kind === "coalesce") {
        context.moveTo(x, y - 5);
        context.lineTo(x + 5, y + 4);
        context.lineTo(x - 5, y + 4);
      } else {
        context.moveTo(x, y - 5);
        context.lineTo(x + 5, y);
        context.lineTo(x, y + 5);
        context.lineTo(x - 5, y);
      }
      context.closePath();
      context.fill();
      context.stroke();
    }
    return counts;
  }

  private yOf(ipa: number): number | undefined {
    for (const { start, end, top, height: h } of this.regions)
      if (ipa >= start && ipa < end) return top + h - ((ipa - start) / (end - start)) * h;
    return undefined;
  }

  private pick(panel: number, event: MouseEvent): void {
    const index = this.shown[panel]!;
    const side = this.model.sides[index]!;
    const width = byId("map").clientWidth;
    const labels = this.labels(width);
    let best: number | undefined;
    let bestPx = 8;
    for (let row = 0; row < side.count; row++) {
      const x =
        labels + ((this.model.startOf(side, row) - this.view.fromNs) / this.view.spanNs) * (width - labels);
      if (Math.abs(x - event.offsetX) > bestPx) continue;
      const y = this.yOf(side.episodes.ipa[row]!);
      if (y === undefined) continue;
      const away = Math.hypot(x - event.offsetX, y - event.offsetY);
      if (away >= bestPx) continue;
      best = row;
      bestPx = away;
    }
    this.selection.pick(best === undefined ? undefined : { side: index, row: best });
  }
}

function legend(): HTMLElement {
  const of = (shape: string, text: string) =>
    element("li", {}, element("span", { className: `shape ${shape}`, ariaHidden: "true" }), text);
  return element(
    "ul",
    { className: "legend" },
    of("dot", "fault, in the colour of its cause"),
    of("block", "other operation on a range"),
    of("triangle", "coalesce"),
    of("rhomb", "split"),
  );
}
