/** The interval of time that is shown, shared by all figures with a time axis. */

export class View {
  fromNs = 0;
  toNs = 1;
  private wholeNs: readonly [number, number] = [0, 1];
  private readonly listeners: (() => void)[] = [];

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  get spanNs(): number {
    return this.toNs - this.fromNs;
  }

  /** Sets the whole interval, with a small margin on both sides. */
  limit(fromNs: number, toNs: number): void {
    const room = Math.max(10, (toNs - fromNs) * 0.01);
    this.wholeNs = [fromNs - room, toNs + room];
  }

  showAll(): void {
    this.show(...this.wholeNs);
  }

  show(fromNs: number, toNs: number): void {
    const [least, most] = this.wholeNs;
    const span = Math.min(most - least, Math.max(20, toNs - fromNs));
    const from = Math.min(most - span, Math.max(least, fromNs));
    this.fromNs = from;
    this.toNs = from + span;
    for (const listener of this.listeners) listener();
  }

  /** @param factor below 1 zooms in */
  zoom(factor: number, aroundNs = (this.fromNs + this.toNs) / 2): void {
    const [least, most] = this.wholeNs;
    const span = Math.min(most - least, Math.max(20, this.spanNs * factor));
    const left = ((aroundNs - this.fromNs) / this.spanNs) * span;
    this.show(aroundNs - left, aroundNs - left + span);
  }

  panBy(ns: number): void {
    this.show(this.fromNs + ns, this.toNs + ns);
  }
}

/** Round times for the axis, as many as there is room for. */
export function ticks(view: View, widthPx: number): { ns: number; text: string }[] {
  const least = (view.spanNs * (widthPx < 500 ? 70 : 110)) / Math.max(1, widthPx);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = Math.max(1, [1, 2, 5, 10].map((n) => n * power).find((n) => n >= least)!);
  const end = Math.max(Math.abs(view.fromNs), Math.abs(view.toNs));
  const [unit, size] =
    end >= 1e9 ? (["s", 1e9] as const) : end >= 1e6 ? (["ms", 1e6] as const) : (["us", 1e3] as const);
  const decimals = Math.max(0, Math.ceil(-Math.log10(step / size) - 1e-9));
  const all: { ns: number; text: string }[] = [];
  for (let ns = Math.ceil(view.fromNs / step) * step; ns <= view.toNs; ns += step)
    all.push({ ns, text: `${(ns / size).toFixed(decimals)} ${unit}` });
  return all;
}
