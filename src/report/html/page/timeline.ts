/** The interactive timeline: zoom, pan, brush, hover and selection by pointer, wheel and keys. */

import { byId, element, sharpen } from "./dom.js";
import { episodeAt } from "./hit.js";
import { type LaneLayout, layOut } from "./lane-layout.js";
import type { Model } from "./model.js";
import { type Inks, inksOf } from "./palette.js";
import type { Picked, Selection } from "./selection.js";
import { Steps } from "./steps.js";
import { headHeight, TimelinePainter } from "./timeline-painter.js";
import type { View } from "./view.js";

const nearPx = 4;
const keys =
  "Drag to move, shift-drag to zoom to a range; wheel to zoom once the timeline is chosen, or with Ctrl. Keys: + and - zoom, arrows left and right move, 0 or Home shows all; arrows up and down choose a lane's episode, n and p the next and previous one, Enter zooms to it, Esc leaves it.";

export class Timeline {
  private readonly box = element("div", { className: "timeline", tabIndex: 0 });
  private readonly spacer = element("div", { className: "spacer" });
  private readonly canvas = element("canvas");
  private readonly tip = element("div", { className: "tip", hidden: true });
  private readonly layout: LaneLayout;
  private readonly painter: TimelinePainter;
  private readonly steps: Steps;
  private inks: Inks;
  private brush: [number, number] | undefined;
  private due = false;

  constructor(
    private readonly model: Model,
    private readonly view: View,
    private readonly selection: Selection,
    private readonly describe: (picked: Picked) => string,
  ) {
    this.layout = layOut(model);
    this.painter = new TimelinePainter(model, this.layout, view);
    this.steps = new Steps(model, view, selection);
    this.inks = inksOf(document.body);
    const { box, spacer, canvas, tip } = this;
    box.setAttribute("role", "application");
    box.setAttribute("aria-label", "Timeline of the replays");
    box.setAttribute("aria-describedby", "timeline-keys");
    canvas.setAttribute("role", "img");
    spacer.append(canvas);
    box.append(spacer);
    byId("timeline").append(
      element("div", { className: "timeline-frame" }, box, tip),
      element("p", { className: "note", id: "timeline-keys", textContent: keys }),
    );
    const { height } = this.layout;
    this.setHeight("75vh");
    spacer.style.height = `${height + headHeight}px`;
    this.listen();
  }

  /** Sets the height; in print nothing scrolls. */
  setHeight(most: "75vh" | "none"): void {
    const all = `${this.layout.height + headHeight + 2}px`;
    this.box.style.height = most === "none" ? all : `min(${all}, ${most})`;
  }

  get labels(): number {
    const { clientWidth } = this.box;
    return clientWidth < 560 ? 76 : this.model.sides.length > 1 ? 186 : 110;
  }

  setWords(words: string): void {
    this.canvas.setAttribute("aria-label", words);
  }

  retint(): void {
    this.inks = inksOf(document.body);
    this.paintNow();
  }

  /** Draws in the next frame, once for any number of calls. */
  paint(): void {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      this.paintNow();
    });
  }

  paintNow(): void {
    const { clientWidth: width, clientHeight: height } = this.box;
    if (width === 0) return;
    this.painter.paint({
      context: sharpen(this.canvas, width, height),
      width,
      height,
      labels: this.labels,
      scrollTop: this.box.scrollTop,
      inks: this.inks,
      picked: this.selection.picked,
      brush: this.brush,
    });
  }

  private nsAt(x: number): number {
    const { labels, view } = this;
    return view.fromNs + ((x - labels) / (this.box.clientWidth - labels)) * view.spanNs;
  }

  private listen(): void {
    const { box, view } = this;
    view.onChange(() => this.paint());
    this.selection.onChange(() => {
      this.scrollToPicked();
      this.paint();
    });
    new ResizeObserver(() => this.paintNow()).observe(box);
    box.addEventListener("scroll", () => this.paintNow());
    box.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    box.addEventListener("keydown", (event) => this.onKey(event));
    this.listenToPointer();
  }

  private onWheel(event: WheelEvent): void {
    const { box, view } = this;
    const isAsked = event.ctrlKey || event.metaKey || document.activeElement === box;
    if (!isAsked) return;
    const { deltaX, deltaY, deltaMode } = event;
    const px = deltaMode === 1 ? 16 : 1;
    event.preventDefault();
    if (event.shiftKey || Math.abs(deltaX) > Math.abs(deltaY)) {
      const by = (Math.abs(deltaX) > Math.abs(deltaY) ? deltaX : deltaY) * px;
      view.panBy((by / (box.clientWidth - this.labels)) * view.spanNs);
    } else view.zoom(1.0015 ** (deltaY * px), this.nsAt(event.clientX - box.getBoundingClientRect().left));
  }

  private onKey(event: KeyboardEvent): void {
    const { view, selection } = this;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    this.tip.hidden = true;
    const actions: Record<string, () => void> = {
      "+": () => view.zoom(0.5),
      "=": () => view.zoom(0.5),
      "-": () => view.zoom(2),
      ArrowLeft: () => view.panBy(-view.spanNs / 8),
      ArrowRight: () => view.panBy(view.spanNs / 8),
      Home: () => view.showAll(),
      "0": () => view.showAll(),
      n: () => this.steps.next(1),
      p: () => this.steps.next(-1),
      ArrowDown: () => this.steps.lane(1),
      ArrowUp: () => this.steps.lane(-1),
      Enter: () => this.steps.closeIn(),
      Escape: () => selection.pick(undefined),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  }

  private scrollToPicked(): void {
    const { picked } = this.selection;
    if (picked === undefined) return;
    const lane = this.model.sides[picked.side]!.episodes.lane[picked.row];
    const band = this.layout.bands.find((one) => one.lane === lane);
    if (band === undefined) return;
    const { box } = this;
    const room = box.clientHeight - headHeight - this.layout.bandHeight;
    if (band.top < box.scrollTop) box.scrollTop = band.top - 4;
    else if (band.top > box.scrollTop + room) box.scrollTop = band.top - room + 4;
  }

  private listenToPointer(): void {
    const { canvas, view } = this;
    const down = new Map<number, number>();
    let moved = 0;
    let lastX = 0;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.box.focus({ preventScroll: true });
      canvas.setPointerCapture(event.pointerId);
      down.set(event.pointerId, event.offsetX);
      moved = 0;
      lastX = event.offsetX;
      if (event.shiftKey) this.brush = [event.offsetX, event.offsetX];
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = down.get(event.pointerId);
      if (before === undefined) {
        this.hover(event);
        return;
      }
      this.tip.hidden = true;
      const others = [...down].filter(([id]) => id !== event.pointerId).map(([, x]) => x);
      down.set(event.pointerId, event.offsetX);
      if (others.length > 0) {
        const other = others[0]!;
        const apart = Math.max(8, Math.abs(event.offsetX - other));
        view.zoom(Math.max(8, Math.abs(before - other)) / apart, this.nsAt((event.offsetX + other) / 2));
        moved = nearPx + 1;
        return;
      }
      moved += Math.abs(event.offsetX - lastX);
      if (this.brush !== undefined) {
        this.brush[1] = event.offsetX;
        this.paint();
      } else if (moved > nearPx)
        view.panBy(-((event.offsetX - lastX) / (this.box.clientWidth - this.labels)) * view.spanNs);
      lastX = event.offsetX;
    });
    const up = (event: PointerEvent) => {
      if (!down.delete(event.pointerId)) return;
      const { brush } = this;
      this.brush = undefined;
      if (brush !== undefined && Math.abs(brush[1] - brush[0]) > nearPx)
        view.show(this.nsAt(Math.min(...brush)), this.nsAt(Math.max(...brush)));
      else if (event.type === "pointerup" && moved <= nearPx && down.size === 0)
        this.selection.pick(this.at(event));
      this.paint();
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => {
      this.tip.hidden = true;
    });
    canvas.addEventListener("dblclick", (event) => view.zoom(0.25, this.nsAt(event.offsetX)));
  }

  private hover(event: PointerEvent): void {
    const found = this.at(event);
    const { tip, box } = this;
    tip.hidden = found === undefined;
    this.canvas.style.cursor = found === undefined ? "grab" : "pointer";
    if (found === undefined) return;
    tip.textContent = this.describe(found);
    const left = Math.min(event.offsetX + 14, box.clientWidth - tip.offsetWidth - 4);
    const below = event.offsetY + 18 + tip.offsetHeight < box.clientHeight;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${below ? event.offsetY + 18 : Math.max(0, event.offsetY - tip.offsetHeight - 8)}px`;
  }

  private at({ offsetX, offsetY }: MouseEvent): Picked | undefined {
    const y = offsetY - headHeight;
    if (offsetX < this.labels || y < 0) return undefined;
    const nearNs = (nearPx / (this.box.clientWidth - this.labels)) * this.view.spanNs;
    return episodeAt(this.model, this.layout, this.nsAt(offsetX), y + this.box.scrollTop, nearNs);
  }
}
