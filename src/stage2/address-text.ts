import { LAST_LEVEL } from "./granule.js";
import { Prot } from "./pte.js";

export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}

const units = ["B", "KiB", "MiB", "GiB", "TiB"];

/** Formats a size in the largest unit that divides it: `2 MiB`, `12 KiB`. */
export function sizeText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && size % 1024 === 0 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size.toLocaleString("en-US")} ${units[unit]}`;
}

/** The name of a leaf of this level: `page`, `2 MiB block`. */
export function leafText(level: number, bytes: number): string {
  return level === LAST_LEVEL ? "page" : `${sizeText(bytes)} block`;
}

/** Permissions and memory type in the letters that scripts use; `a` if the access flag is set. */
export function protLetters(prot: number, accessed = false): string {
  return (
    (prot & Prot.R ? "r" : "") +
    (prot & Prot.W ? "w" : "") +
    (prot & Prot.X ? "x" : "") +
    (prot & Prot.DEVICE ? "d" : "") +
    (accessed ? "a" : "")
  );
}

export function plural(n: number, noun: string): string {
  const nouns = noun.endsWith("leaf") ? `${noun.slice(0, -1)}ves` : `${noun}s`;
  return `${n.toLocaleString("en-US")} ${n === 1 ? noun : nouns}`;
}
