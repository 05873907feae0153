/** Colours of the causes, from the palette of Okabe and Ito, with patterns where two causes share a colour. */

import { Cause } from "./cause.js";

interface Look {
  readonly light: string;
  readonly dark: string;
  readonly pattern: "solid" | "stripes" | "dots" | "bars" | "cross";
}

const looks: Readonly<Record<number, Look>> = {
  [Cause.firstTouch]: { light: "#56b4e9", dark: "#56b4e9", pattern: "solid" },
  [Cause.loggingWrite]: { light: "#e69f00", dark: "#e69f00", pattern: "solid" },
  [Cause.hole]: { light: "#009e73", dark: "#00b383", pattern: "solid" },
  [Cause.coalesceTrigger]: { light: "#d55e00", dark: "#f07818", pattern: "solid" },
  [Cause.brokenWindow]: { light: "#b4508f", dark: "#d68bb8", pattern: "stripes" },
  [Cause.lostRace]: { light: "#0072b2", dark: "#3f9ad6", pattern: "dots" },
  [Cause.afterUnmap]: { light: "#b8a800", dark: "#f0e442", pattern: "stripes" },
  [Cause.relax]: { light: "#7a7f87", dark: "#a3a8b0", pattern: "bars" },
  [Cause.accessFlag]: { light: "#56b4e9", dark: "#56b4e9", pattern: "bars" },
  [Cause.unexplained]: { light: "#22262b", dark: "#f2f4f6", pattern: "cross" },
  [Cause.hostOperation]: { light: "#7a7f87", dark: "#a3a8b0", pattern: "solid" },
};

/** Line styles of the strategies, by side. */
export const lines = [
  { light: "#0072b2", dark: "#56b4e9", dash: [] },
  { light: "#d55e00", dark: "#f07818", dash: [6, 3] },
  { light: "#009e73", dark: "#00b383", dash: [2, 3] },
  { light: "#b4508f", dark: "#d68bb8", dash: [10, 3, 2, 3] },
  { light: "#b8860b", dark: "#e6b93a", dash: [4, 4] },
  { light: "#22262b", dark: "#f2f4f6", dash: [1, 2] },
] as const;

export type Theme = "light" | "dark";

/** The other colours of the page; resolved, because a canvas cannot use CSS variables. */
export interface Inks {
  readonly theme: Theme;
  readonly paper: string;
  readonly ink: string;
  readonly faint: string;
  readonly line: string;
  readonly lane: string;
  readonly window: string;
  readonly select: string;
}

export function inksOf(element: HTMLElement): Inks {
  const probe = document.createElement("span");
  element.append(probe);
  const color = (name: string) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const inks = {
    theme: (getComputedStyle(element).getPropertyValue("color-scheme").includes("dark") &&
    isDark(color("paper"))
      ? "dark"
      : "light") as Theme,
    paper: color("paper"),
    ink: color("ink"),
    faint: color("faint"),
    line: color("line"),
    lane: color("lane"),
    window: color("window"),
    select: color("select"),
  };
  probe.remove();
  return inks;
}

function isDark(color: string): boolean {
  const [red = 255] = (/\d+/.exec(color) ?? []).map(Number);
  return red < 128;
}

export function colorOf(cause: number, theme: Theme): string {
  return looks[cause]![theme];
}

const made = new Map<string, CanvasPattern>();

/** The fill for shapes wide enough to show a pattern. */
export function fillOf(
  context: CanvasRenderingContext2D,
  cause: number,
  theme: Theme,
): string | CanvasPattern {
  const { pattern } = looks[cause]!;
  const color = colorOf(cause, theme);
  if (pattern === "solid") return color;
  const key = `${cause} ${theme}`;
  let fill = made.get(key);
  if (fill === undefined) {
    fill = context.createPattern(tile(color, pattern, theme), "repeat")!;
    made.set(key, fill);
  }
  return fill;
}

function tile(color: string, pattern: Look["pattern"], theme: Theme): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const context = canvas.getContext("2d")!;
  context.fillStyle = color;
  context.fillRect(0, 0, 8, 8);
  context.strokeStyle = context.fillStyle = theme === "light" ? "rgb(255 255 255 / 55%)" : "rgb(0 0 0 / 45%)";
  context.lineWidth = 1.5;
  context.beginPath();
  if (pattern === "dots") {
    context.arc(2, 2, 1.1, 0, 7);
    context.arc(6, 6, 1.1, 0, 7);
    context.fill();
    return canvas;
  }
  if (pattern === "bars") {
    context.moveTo(2, 0);
    context.lineTo(2, 8);
    context.moveTo(6, 0);
    context.lineTo(6, 8);
  }
  if (pattern === "stripes" || pattern === "cross") {
    for (const x of [-8, 0, 8]) {
      context.moveTo(x, 8);
      context.lineTo(x + 8, 0);
    }
  }
  if (pattern === "cross") {
    for (const x of [-8, 0, 8]) {
      context.moveTo(x, 0);
      context.lineTo(x + 8, 8);
    }
  }
  context.stroke();
  return canvas;
}
