/** Formats quantities with adaptive units and three to four digits, never more than are known. */

export type Unit = "count" | "ns" | "bytes";

/** Formats a time: `192.6 us`, `7.88 ms`; whole numbers below a microsecond. */
export function formatNs(ns: number): string {
  return scaled(ns, 1000, ["ns", "us", "ms", "s"]);
}

export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** Formats a count: `1,048,576`; a median of two counts may end in a half: `1,048,576.5`. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+(\.\d+)?$)/g, ",");
}

export function formatQuantity(value: number, unit: Unit): string {
  if (unit === "ns") return formatNs(value);
  return unit === "bytes" ? formatBytes(value) : formatCount(value);
}

/** Formats a change: `+4.53 ms`, `-3`, `0`. */
export function formatChange(change: number, unit: Unit): string {
  if (change === 0) return "0";
  return (change < 0 ? "-" : "+") + formatQuantity(Math.abs(change), unit);
}

/** Formats a change relative to `base`: `-57.5 %`; `new` if the base is 0. */
export function formatRelative(base: number, candidate: number): string {
  if (base === candidate) return "0 %";
  if (base === 0) return "new";
  const percent = (100 * (candidate - base)) / base;
  const size = Math.abs(percent);
  const sign = percent < 0 ? "-" : "+";
  if (size < 0.05) return `${sign}<0.1 %`;
  // A change that leaves a remainder must not be shown as the whole.
  if (percent > -100 && size >= 99.95 && size < 100) return `${sign}>99.9 %`;
  return `${sign}${size < 1000 ? size.toFixed(1) : formatCount(Math.round(size))} %`;
}

/** Formats a share in 0..1: `62 %`; it is never rounded to 0 or 100 %. */
export function formatShare(ratio: number): string {
  if (ratio > 0 && ratio < 0.01) return "<1 %";
  if (ratio < 1 && ratio > 0.99) return ">99 %";
  return `${Math.round(ratio * 100)} %`;
}

/** Formats an error or another small ratio: `0.6 %`. */
export function formatPercent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

export function formatPlural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let size = value;
  let unit = 0;
  // 999.96 us must become 1.00 ms, not 1000.0 us.
  while (unit < units.length - 1 && Number(digits(size, unit)) >= step) {
    size /= step;
    unit++;
  }
  return `${digits(size, unit)} ${units[unit]}`;
}

function digits(size: number, unit: number): string {
  if (unit === 0) return String(Math.round(size));
  return size.toFixed(size < 9.995 ? 2 : 1);
}

/** Makes text from a trace safe to print: control characters, which a terminal interprets, become escapes. */
export function printable(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
