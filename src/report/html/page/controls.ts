/** The controls above the timeline: the legend, buttons for navigation, and a description of what is in view. */

import { formatCount, formatNs } from "../../quantity.js";
import { Cause } from "./cause.js";
import { byId, element } from "./dom.js";
import type { Model, PageSide } from "./model.js";
import { fillOf, inksOf } from "./palette.js";
import type { View } from "./view.js";
import { timeText } from "./words.js";

export class Controls {
  private readonly legend = element("ul", { className: "legend" });
  private readonly status = element("p", { className: "status" });
  private onText: (words: string) => void = () => {};

  constructor(
    private readonly model: Model,
    private readonly view: View,
  ) {
    const { sides } = model;
    byId("timeline").append(this.legend, this.buttons(), this.status);
    if (sides.length > 1)
      byId("timeline").append(
        element("p", {
          className: "note",
          textContent: `Rows of a lane, from above: ${sides.map(({ name }) => name).join(", ")}.`,
        }),
      );
    view.onChange(() => this.tell());
    this.retint();
  }

  onWords(listener: (words: string) => void): void {
    this.onText = listener;
  }

  /** Shows everything, or the only epoch that is counted. */
  begin(): void {
    const { model, view } = this;
    view.limit(model.stretches[0]?.fromNs ?? 0, model.endNs);
    const only = model.stretches.find(({ label }) => label === model.facts.only);
    if (only === undefined) view.showAll();
    else this.showStretch(only.fromNs, only.toNs);
  }

  retint(): void {
    const { model, legend } = this;
    const inks = inksOf(document.body);
    const seen = new Uint8Array(model.facts.causes.length);
    for (const { episodes, bins, repetitions } of model.sides)
      for (const { cause } of [episodes, bins, repetitions])
        for (let row = 0; row < cause.length; row++) seen[cause[row]!] = 1;
    const swatch = (draw: (context: CanvasRenderingContext2D) => void) => {
      const canvas = element("canvas", { width: 22, height: 14, ariaHidden: "true" });
      draw(canvas.getContext("2d")!);
      return canvas;
    };
    const items = model.facts.causes
      .map((_, cause) => cause)
      .filter((cause) => seen[cause] === 1)
      .map((cause) =>
        element(
          "li",
          {},
          swatch((context) => {
            context.fillStyle = fillOf(context, cause, inks.theme);
            context.fillRect(0, 0, 22, 14);
          }),
          model.facts.causes[cause]!,
        ),
      );
    const wait = swatch((context) => {
      context.fillStyle = context.strokeStyle = inks.faint;
      context.globalAlpha = 0.3;
      context.fillRect(0, 0, 22, 14);
      context.globalAlpha = 1;
      context.fillRect(0, 6.5, 22, 1);
    });
    const hold = swatch((context) => {
      context.fillStyle = inks.faint;
      context.fillRect(0, 0, 22, 14);
      context.fillStyle = inks.ink;
      context.fillRect(0, 12, 22, 2);
    });
    const windowBand = swatch((context) => {
      context.fillStyle = inks.window;
      context.fillRect(0, 0, 22, 14);
    });
    legend.replaceChildren(
      ...items,
      element("li", {}, wait, "lock wait (pale)"),
      element("li", {}, hold, "lock held (underlined)"),
      ...(model.sides.some(({ windows }) => windows.length > 0)
        ? [element("li", {}, windowBand, "window")]
        : []),
    );
  }

  private buttons(): HTMLElement {
    const { model, view } = this;
    const button = (textContent: string, action: () => void, title = "") => {
      const made = element("button", { type: "button", textContent, title });
      made.addEventListener("click", action);
      return made;
    };
    const named = model.stretches.filter(({ label }) => !label.startsWith("#"));
    const zoom = [
      button("All", () => view.showAll(), "show the whole trace"),
      button("+", () => view.zoom(0.5), "zoom in"),
      button("−", () => view.zoom(2), "zoom out"),
    ];
    const epochs = model.facts.epochs
      .map((_, index) => index)
      .filter((index) => named.length === 0 || named.includes(model.stretches[index]!))
      .slice(0, 40)
      .map((index) =>
        button(model.stretches[index]!.label, () => {
          const { fromNs, toNs } = model.stretches[index]!;
          this.showStretch(fromNs, toNs);
        }),
      );
    const group = (name: string, ...children: Node[]) => {
      const made = element("div", { className: "buttons" }, ...children);
      made.setAttribute("role", "group");
      made.setAttribute("aria-label", name);
      return made;
    };
    const all: HTMLElement[] = [group("Zoom", ...zoom)];
    if (epochs.length > 1) all.push(group("Epochs", ...epochs));
    if (model.sides.length > 1 && model.facts.epochs.length > 1) all.push(this.alignment());
    return element("div", { className: "controls" }, ...all);
  }

  private alignment(): HTMLElement {
    const box = element("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      const { fromNs, toNs } = this.view;
      this.model.align(box.checked);
      this.view.limit(this.model.stretches[0]!.fromNs, this.model.endNs);
      this.view.show(fromNs, toNs);
    });
    return element("label", {}, box, " epochs begin together");
  }

  private showStretch(fromNs: number, toNs: number): void {
    this.view.show(fromNs, toNs);
  }

  /** Describes what is in view, for each strategy. */
  private tell(): void {
    const { model, view } = this;
    const parts = model.sides.map((side) => `${side.name}: ${this.sumsOf(side)}`);
    const words = `In view: ${formatNs(Math.round(view.spanNs))}\n${parts.join("\n")}`;
    this.status.textContent = words;
    this.onText(`Timeline. ${words.replaceAll("\n", ". ")}`);
  }

  private sumsOf(side: PageSide): string {
    const { model, view } = this;
    const { spanNs, lockWait, isFault, counted, windows } = side.episodes;
    let accesses = 0;
    let stall = 0;
    let wait = 0;
    let windowed = 0;
    for (let lane = 0; lane < model.facts.lanes.length; lane++) {
      const end = side.laneStarts[lane + 1]!;
      for (let row = model.firstAfter(side, lane, view.fromNs); row < end; row++) {
        const startNs = model.startOf(side, row);
        if (startNs >= view.toNs) break;
        if (startNs < view.fromNs) continue;
        if (counted[row] !== 1) continue;
        if (windows[row]! > 0) windowed++;
        if (isFault[row] !== 1) continue;
        accesses++;
        stall += spanNs[row]!;
        wait += lockWait[row]!;
      }
    }
    const { bins, repetitions } = side;
    let isPartial = false;
    /** The share of an interval of sums that is in view. */
    const shareOf = (startNs: number, span: number): number => {
      const inView = Math.min(view.toNs, startNs + span) - Math.max(view.fromNs, startNs);
      if (inView <= 0) return 0;
      if (inView < span) isPartial = true;
      return Math.min(1, inView / span);
    };
    for (let row = 0; row < bins.startNs.length; row++) {
      if (bins.cause[row] === Cause.hostOperation) continue;
      const share = shareOf(bins.startNs[row]! + side.shiftNs[bins.segment[row]!]!, bins.spanNs[row]!);
      accesses += bins.faults[row]! * share;
      stall += bins.stallNs[row]! * share;
      wait += bins.lockWait[row]! * share;
    }
    let alike = 0;
    for (let row = 0; row < repetitions.startNs.length; row++) {
      const startNs = repetitions.startNs[row]! + side.shiftNs[repetitions.segment[row]!]!;
      const share = shareOf(startNs, repetitions.spanNs[row]!);
      alike += repetitions.faults[row]! * share;
      stall += repetitions.stallNs[row]! * share;
    }
    const waits = alike > 0 ? "" : `, of it lock wait ${timeText(side, Math.round(wait))}`;
    const about = isPartial ? "about " : "";
    return `${about}${formatCount(Math.round(accesses + alike))} faulted accesses, stall ${timeText(side, Math.round(stall))}${waits}, ${formatCount(windowed)} with a window`;
  }
}
