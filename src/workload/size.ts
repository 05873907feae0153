import { UsageError } from "../errors.js";

const units = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 } as const;

/** Parses a size as people type it, such as 20G, 512M or 4096, to bytes. Throws UsageError naming the option. */
export function parseSize(option: string, text: string): number {
  const [, digits = "", unit = ""] = /^(\d+)([KMGT]?)$/i.exec(text) ?? [];
  const bytes = Number(digits) * units[unit.toUpperCase() as keyof typeof units];
  if (digits === "" || bytes === 0 || bytes > 2 ** 52)
    throw new UsageError(`${option}: expected a size such as 20G or 512M, got ${JSON.stringify(text)}`);
  return bytes;
}

/** Formats a size with the largest unit that divides it: 1 GiB is 1G. */
export function sizeText(bytes: number): string {
  for (const unit of ["T", "G", "M", "K"] as const)
    if (bytes % units[unit] === 0) return `${bytes / units[unit]}${unit}`;
  return String(bytes);
}
