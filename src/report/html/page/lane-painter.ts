/** Draws one row of a lane with at most as many shapes as there are pixels, for any number of episodes. */

import { font } from "./dom.js";
import type { Model, PageSide } from "./model.js";
import { colorOf, fillOf, type Inks } from "./palette.js";
import type { Picked } from "./selection.js";
import type { View } from "./view.js";

/** Narrower episodes are added up per pixel. */
const wideFromPx = 3;

/** The canvas, and the state that is drawn. */
export interface Frame {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly labels: number;
  readonly scrollTop: number;
  readonly inks: Inks;
  readonly picked: Picked | undefined;
  readonly brush: readonly [number, number] | undefined;
}

export class LanePainter {
  /** Time by cause in the current pixel, and below it the time of that spent waiting for the lock. */
  private readonly sums = new Float64Array(16);
  private waitNs = 0;
  private pixel = -1;
  private left = 0;
  private top = 0;

  constructor(
    private readonly model: Model,
    private readonly rowHeight: number,
    private readonly view: View,
  ) {}

  paint(frame: Frame, side: PageSide, lane: number, y: number): void {
    const { model, view } = this;
    const { spanNs, cause, lockWait } = side.episodes;
    const end = side.laneStarts[lane + 1]!;
    const pxPerNs = (frame.width - frame.labels) / view.spanNs;
    this.top = y;
    for (let row = model.firstAfter(side, lane, view.fromNs); row < end; row++) {
      const startNs = model.startOf(side, row);
      if (startNs > view.toNs) break;
      const x = frame.labels + (startNs - view.fromNs) * pxPerNs;
      const span = spanNs[row]!;
      if (span * pxPerNs >= wideFromPx) {
        this.flush(frame);
        this.paintEpisode(frame, side, row, x, y, span * pxPerNs, pxPerNs);
        continue;
      }
      const pixel = Math.floor(x);
      if (pixel !== this.pixel) {
        this.flush(frame);
        this.pixel = pixel;
        this.left = x;
      }
      const of = cause[row]!;
      this.sums[of] = this.sums[of]! + Math.max(1, span);
      this.waitNs += lockWait[row]!;
    }
    this.flush(frame);
  }

  /** Draws one pixel column in the colour of the cause with most time; the share spent waiting for the lock is pale. */
  private flush({ context, inks, width, labels }: Frame): void {
    if (this.pixel < 0) return;
    let most = 0;
    let sum = 0;
    this.sums.forEach((ns, cause) => {
      sum += ns;
      if (ns > this.sums[most]!) most = cause;
    });
    const h = this.rowHeight;
    const pale = h * Math.min(1, this.waitNs / sum);
    const density = Math.min(1, (sum / this.view.spanNs) * (width - labels));
    const alpha = 0.55 + 0.45 * density;
    context.fillStyle = colorOf(most, inks.theme);
    context.globalAlpha = alpha * 0.3;
    context.fillRect(this.left, this.top, 1, pale);
    context.globalAlpha = alpha;
    context.fillRect(this.left, this.top + pale, 1, h - pale);
    context.globalAlpha = 1;
    this.sums.fill(0);
    this.waitNs = 0;
    this.pixel = -1;
  }

  /** Draws in time order: the path to the lock, the wait (pale), the hold (underlined) with tear-down, the return. */
  private paintEpisode(
    frame: Frame,
    side: PageSide,
    row: number,
    x: number,
    y: number,
    width: number,
    pxPerNs: number,
  ): void {
    const { context, inks } = frame;
    const { episodes: of } = side;
    const h = this.rowHeight;
    const cause = of.cause[row]!;
    const counted = of.counted[row] === 1 ? 1 : 0.35;
    const locked = of.lockedAfter[row]!;
    const wait = of.lockWait[row]!;
    const waitAt = (locked >= 0 ? locked - wait : of.exit[row]! + of.handler[row]!) * pxPerNs;
    const waitPx = wait * pxPerNs;
    context.globalAlpha = counted;
    context.fillStyle = width >= 6 ? fillOf(context, cause, inks.theme) : colorOf(cause, inks.theme);
    if (waitPx < 0.75) {
      context.fillRect(x, y, width, h);
      if (width < 8 && of.windows[row] === 0) {
        context.globalAlpha = 1;
        return;
      }
    } else {
      context.fillRect(x, y, waitAt, h);
      context.fillRect(x + waitAt + waitPx, y, Math.max(0, width - waitAt - waitPx), h);
      context.globalAlpha = 0.28 * counted;
      context.fillStyle = colorOf(cause, inks.theme);
      context.fillRect(x + waitAt, y, waitPx, h);
      context.globalAlpha = counted;
      context.fillRect(x + waitAt, y + h / 2 - 0.5, waitPx, 1);
    }
    if (locked >= 0 && width >= 8) {
      context.fillStyle = inks.ink;
      context.fillRect(x + locked * pxPerNs, y + h - 2, Math.max(1, of.heldNs[row]! * pxPerNs), 2);
    }
    if (of.windows[row]! > 0) {
      context.fillStyle = inks.window;
      context.globalAlpha = 1;
      context.fillRect(x + of.brokenAfter[row]! * pxPerNs, y, Math.max(1, of.windowNs[row]! * pxPerNs), 3);
    }
    if (of.teardownAfter[row]! >= 0 && of.teardownNs[row]! * pxPerNs >= 2) {
      context.strokeStyle = inks.ink;
      context.lineWidth = 1;
      context.strokeRect(
        x + of.teardownAfter[row]! * pxPerNs + 0.5,
        y + 4.5,
        of.teardownNs[row]! * pxPerNs - 1,
        Math.max(1, h - 8),
      );
    }
    context.globalAlpha = 1;
    if (width > 4) {
      context.fillStyle = inks.paper;
      context.fillRect(x + width - 0.5, y, 0.5, h);
    }
    this.paintName(frame, cause, x, y, waitPx > 40 ? Math.max(0, waitAt) : width);
  }

  private paintName(
    { context, inks, labels, width: right }: Frame,
    cause: number,
    x: number,
    y: number,
    width: number,
  ): void {
    const from = Math.max(labels, x);
    const room = Math.min(right, x + width) - from - 8;
    if (room < 60 || this.rowHeight < 10) return;
    const name = this.model.facts.causes[cause]!;
    context.font = font(10, 600);
    if (context.measureText(name).width > room) return;
    context.textBaseline = "middle";
    const w = context.measureText(name).width;
    context.globalAlpha = 0.8;
    context.fillStyle = inks.paper;
    context.fillRect(from + 2, y + 2, w + 4, this.rowHeight - 4);
    context.globalAlpha = 1;
    context.fillStyle = inks.ink;
    context.fillText(name, from + 4, y + this.rowHeight / 2 + 0.5);
  }
}
