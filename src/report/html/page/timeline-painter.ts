/** Draws the timeline with at most as many shapes as there are pixels, for any number of episodes. */

import { Cause } from "./cause.js";
import { clip, font } from "./dom.js";
import type { Band, LaneLayout } from "./lane-layout.js";
import { type Frame, LanePainter } from "./lane-painter.js";
import type { Model, PageSide } from "./model.js";
import { colorOf } from "./palette.js";
import { ticks, type View } from "./view.js";

/** Height of the axis and the epoch names below it, which do not scroll with the lanes. */
export const headHeight = 40;
export class TimelinePainter {
  private readonly lanes: LanePainter;

  constructor(
    private readonly model: Model,
    private readonly layout: LaneLayout,
    private readonly view: View,
  ) {
    this.lanes = new LanePainter(model, layout.rowHeight, view);
  }

  paint(frame: Frame): void {
    const { context, width, height, inks, labels } = frame;
    context.fillStyle = inks.paper;
    context.fillRect(0, 0, width, height);
    context.save();
    context.beginPath();
    context.rect(0, headHeight, width, height - headHeight);
    context.clip();
    for (const band of this.layout.bands) {
      const top = headHeight + band.top - frame.scrollTop;
      if (top + this.layout.bandHeight < headHeight || top > height) continue;
      this.paintBand(frame, band, top);
    }
    context.restore();
    this.paintHead(frame);
    if (frame.brush !== undefined) {
      const [from, to] = frame.brush;
      context.fillStyle = inks.select;
      context.globalAlpha = 0.18;
      context.fillRect(Math.min(from, to), 0, Math.abs(to - from), height);
      context.globalAlpha = 1;
    }
    context.fillStyle = inks.line;
    context.fillRect(labels - 1, 0, 1, height);
  }

  private xOf(frame: Frame, ns: number): number {
    return frame.labels + ((ns - this.view.fromNs) / this.view.spanNs) * (frame.width - frame.labels);
  }

  private paintHead(frame: Frame): void {
    const { context, width, height, inks, labels } = frame;
    context.fillStyle = inks.paper;
    context.fillRect(0, 0, width, headHeight);
    context.font = font(11);
    context.textBaseline = "middle";
    context.save();
    context.beginPath();
    context.rect(labels, 0, width - labels, height);
    context.clip();
    for (const { ns, text } of ticks(this.view, width - labels)) {
      const x = this.xOf(frame, ns);
      context.fillStyle = inks.line;
      context.fillRect(Math.round(x), 14, 1, 6);
      context.fillStyle = inks.faint;
      context.fillText(text, x + 3, 10);
    }
    let free = labels;
    for (const { label, fromNs, toNs } of this.model.stretches) {
      const from = Math.max(labels, this.xOf(frame, fromNs));
      const to = Math.min(width, this.xOf(frame, toNs));
      if (to < labels || from > width) continue;
      context.fillStyle = inks.lane;
      context.fillRect(from, 22, Math.max(1, to - from), 16);
      context.fillStyle = inks.line;
      context.fillRect(Math.round(from), 22, 1, height);
      const room = Math.max(to - from, 0) - 8;
      if (room < 24 || from < free) continue;
      context.fillStyle = inks.ink;
      context.font = font(11, 600);
      const shown = clip(context, label, room);
      context.fillText(shown, from + 4, 31);
      free = from + 4 + context.measureText(shown).width;
    }
    context.restore();
    context.fillStyle = inks.line;
    context.fillRect(0, headHeight - 1, width, 1);
  }

  private paintBand(frame: Frame, band: Band, top: number): void {
    const { context, width, inks, labels } = frame;
    const { rowHeight } = this.layout;
    context.save();
    context.beginPath();
    context.rect(labels, top, width - labels, this.layout.bandHeight);
    context.clip();
    this.model.sides.forEach((side, index) => {
      const y = top + index * (rowHeight + 1);
      context.fillStyle = inks.lane;
      context.fillRect(labels, y, width - labels, rowHeight);
      if (band.lane < 0) this.paintLock(frame, side, band.vm, y);
      else {
        if (this.model.facts.lanes[band.lane]!.isVcpu) this.paintWindows(frame, side, band.vm, y);
        this.paintRepetitions(frame, side, band, y);
        this.paintBins(frame, side, band.lane, y);
        this.lanes.paint(frame, side, band.lane, y);
      }
      if (frame.picked?.side === index) this.paintPicked(frame, side, frame.picked.row, band, y);
    });
    context.restore();
    this.paintLabel(frame, band, top);
  }

  private paintLabel({ context, inks, labels }: Frame, { name }: Band, top: number): void {
    const { rowHeight } = this.layout;
    const { sides } = this.model;
    context.textBaseline = "middle";
    context.fillStyle = inks.ink;
    context.font = font(11, 600);
    const names = rowHeight >= 14 && sides.length > 1 && labels >= 140;
    const room = names ? labels - 70 : labels - 8;
    context.fillText(clip(context, name, room), 4, top + (rowHeight * sides.length) / 2);
    if (!names) return;
    context.font = font(9.5);
    context.fillStyle = inks.faint;
    context.textAlign = "right";
    sides.forEach((side, index) => {
      context.fillText(
        clip(context, side.name, 62),
        labels - 5,
        top + index * (rowHeight + 1) + rowHeight / 2 + 0.5,
      );
    });
    context.textAlign = "left";
  }

  /** Draws a band over every vCPU of the VM while an entry is broken, since no access gets through it then. */
  private paintWindows(frame: Frame, side: PageSide, vm: number, y: number): void {
    const { context, inks } = frame;
    const { brokenAfter, windowNs } = side.episodes;
    context.fillStyle = inks.window;
    let done = Number.NEGATIVE_INFINITY;
    for (const row of side.windows) {
      if (vm >= 0 && side.episodes.vm[row] !== vm) continue;
      const from = this.xOf(frame, this.model.startOf(side, row) + brokenAfter[row]!);
      const to = from + (windowNs[row]! / this.view.spanNs) * (frame.width - frame.labels);
      if (to < frame.labels || from > frame.width || to < done) continue;
      context.fillRect(from, y, Math.max(1, to - from), this.layout.rowHeight);
      done = Math.max(to, from + 1);
    }
  }

  private paintRepetitions(frame: Frame, side: PageSide, { lane }: Band, y: number): void {
    if (this.model.facts.lanes[lane]!.isVcpu !== true) return;
    const { startNs, spanNs, segment, cause } = side.repetitions;
    const { context, inks } = frame;
    for (let row = 0; row < startNs.length; row++) {
      const from = this.xOf(frame, startNs[row]! + side.shiftNs[segment[row]!]!);
      const to = from + (spanNs[row]! / this.view.spanNs) * (frame.width - frame.labels);
      if (to < frame.labels || from > frame.width) continue;
      context.globalAlpha = 0.35;
      context.fillStyle = colorOf(cause[row]!, inks.theme);
      context.fillRect(from, y + 2, Math.max(0.5, to - from), this.layout.rowHeight - 4);
      context.globalAlpha = 1;
      this.hatch(frame, Math.max(from, frame.labels), Math.min(to, frame.width), y);
    }
  }

  private hatch({ context, inks }: Frame, from: number, to: number, y: number): void {
    const h = this.layout.rowHeight;
    if (to - from < 6) return;
    context.strokeStyle = inks.faint;
    context.lineWidth = 0.6;
    context.beginPath();
    for (let x = Math.ceil(from / 8) * 8; x < to; x += 8) {
      context.moveTo(x, y + h - 2);
      context.lineTo(x + 5, y + 2);
    }
    context.stroke();
  }

  private paintBins(frame: Frame, side: PageSide, lane: number, y: number): void {
    const { startNs, spanNs, segment, cause, stallNs } = side.bins;
    const h = this.layout.rowHeight;
    for (let row = side.binStarts[lane]!; row < side.binStarts[lane + 1]!; row++) {
      const from = this.xOf(frame, startNs[row]! + side.shiftNs[segment[row]!]!);
      const width = (spanNs[row]! / this.view.spanNs) * (frame.width - frame.labels);
      if (from + width < frame.labels || from > frame.width) continue;
      frame.context.fillStyle = colorOf(cause[row]!, frame.inks.theme);
      frame.context.globalAlpha = 0.25 + 0.5 * Math.min(1, stallNs[row]! / spanNs[row]!);
      frame.context.fillRect(from, y, Math.max(0.5, width), h);
      frame.context.globalAlpha = 1;
    }
  }

  /** Draws who held the lock, each hold in the colour of its cause. Holds of a read lock may overlap. */
  private paintLock(frame: Frame, side: PageSide, vm: number, y: number): void {
    const { episodes: of, holds } = side;
    const { context, inks } = frame;
    const h = this.layout.rowHeight;
    const pxPerNs = (frame.width - frame.labels) / this.view.spanNs;
    let drawn = Number.NEGATIVE_INFINITY;
    for (const row of holds.get(vm) ?? []) {
      const x = this.xOf(frame, this.model.startOf(side, row) + of.lockedAfter[row]!);
      const width = of.heldNs[row]! * pxPerNs;
      if (x + width < frame.labels) continue;
      if (x > frame.width) break;
      if (width < 1 && x - drawn < 0.7) continue;
      context.fillStyle = colorOf(of.cause[row] ?? Cause.unexplained, inks.theme);
      context.fillRect(x, y + 2, Math.max(0.7, width), h - 4);
      if (of.windows[row]! > 0) {
        context.fillStyle = inks.window;
        context.fillRect(
          x + (of.brokenAfter[row]! - of.lockedAfter[row]!) * pxPerNs,
          y,
          Math.max(1, of.windowNs[row]! * pxPerNs),
          h,
        );
      }
      drawn = x;
    }
  }

  private paintPicked(frame: Frame, side: PageSide, row: number, band: Band, y: number): void {
    const { context, inks } = frame;
    const of = side.episodes;
    const isLock = band.lane < 0;
    if (isLock ? of.vm[row] !== band.vm || of.lockedAfter[row]! < 0 : of.lane[row] !== band.lane) return;
    const startNs = this.model.startOf(side, row) + (isLock ? of.lockedAfter[row]! : 0);
    const x = this.xOf(frame, startNs);
    const width = this.xOf(frame, startNs + (isLock ? of.heldNs[row]! : of.spanNs[row]!)) - x;
    context.strokeStyle = inks.select;
    context.lineWidth = 2;
    context.strokeRect(x - 1, y - 0, Math.max(3, width + 2), this.layout.rowHeight);
  }
}
