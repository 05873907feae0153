import { UsageError } from "../errors.js";
import { Prot } from "../stage2/pte.js";
import { didYouMean } from "../suggest.js";
import { quote, Words } from "./words.js";

/** One line of a script: an operation on the table. Addresses and sizes are in bytes. */
export type Operation = OperationOf & {
  /** The line as written in the script. */
  readonly text: string;
};

type OperationOf =
  | {
      readonly name: "map";
      readonly ipa: number;
      readonly bytes: number;
      readonly phys: number;
      readonly prot: number;
      /** Table pages in the caller's memory cache; no limit where undefined. */
      readonly cachePages: number | undefined;
    }
  | {
      /** Maps `pages` single pages, each `stride` after the one before. */
      readonly name: "fill";
      readonly ipa: number;
      readonly pages: number;
      readonly stride: number;
      readonly phys: number;
      readonly prot: number;
    }
  | { readonly name: "unmap" | "wp" | "flush"; readonly ipa: number; readonly bytes: number }
  | { readonly name: "relax"; readonly ipa: number; readonly prot: number }
  | { readonly name: "young" | "old" | "isyoung" | "lookup"; readonly ipa: number }
  | { readonly name: "dump" | "destroy" };

/** A scenario: a new table and the operations on it. Pages are 4 KiB. */
export interface Script {
  readonly name: string;
  readonly fwb: boolean;
  /** FEAT_TLBIRANGE: the CPU can invalidate a range of IPAs with one instruction. */
  readonly tlbiRange: boolean;
  readonly iaBits: number;
  readonly operations: readonly Operation[];
}

const shapes: Readonly<Record<OperationOf["name"], (words: Words) => OperationOf>> = {
  map: (words) => ({
    name: "map",
    ipa: words.address("ADDR"),
    bytes: words.address("SIZE"),
    phys: words.address("PHYS"),
    prot: protOf(words),
    cachePages: words.isAtEnd ? undefined : words.count("MC"),
  }),
  fill: (words) => ({
    name: "fill",
    ipa: words.address("ADDR"),
    pages: words.count("N"),
    stride: words.address("STRIDE"),
    phys: words.address("PHYS"),
    prot: protOf(words),
  }),
  unmap: (words) => ({ name: "unmap", ipa: words.address("ADDR"), bytes: words.address("SIZE") }),
  wp: (words) => ({ name: "wp", ipa: words.address("ADDR"), bytes: words.address("SIZE") }),
  flush: (words) => ({ name: "flush", ipa: words.address("ADDR"), bytes: words.address("SIZE") }),
  relax: (words) => ({ name: "relax", ipa: words.address("ADDR"), prot: protOf(words) }),
  young: (words) => ({ name: "young", ipa: words.address("ADDR") }),
  old: (words) => ({ name: "old", ipa: words.address("ADDR") }),
  isyoung: (words) => ({ name: "isyoung", ipa: words.address("ADDR") }),
  lookup: (words) => ({ name: "lookup", ipa: words.address("ADDR") }),
  dump: () => ({ name: "dump" }),
  destroy: () => ({ name: "destroy" }),
};

/** Syntax of each operation, for messages. */
export const usages: Readonly<Record<Operation["name"], string>> = {
  map: "map ADDR SIZE PHYS PROT [MC]",
  fill: "fill ADDR N STRIDE PHYS PROT",
  unmap: "unmap ADDR SIZE",
  wp: "wp ADDR SIZE",
  flush: "flush ADDR SIZE",
  relax: "relax ADDR PROT",
  young: "young ADDR",
  old: "old ADDR",
  isyoung: "isyoung ADDR",
  lookup: "lookup ADDR",
  dump: "dump",
  destroy: "destroy",
};

const headerUsage = "S NAME [fwb=0|1] [range=0|1] [ipa=BITS]";

/**
 * Parses the scenarios of a script. Each begins with a line `S NAME fwb=0|1 range=0|1 [ipa=BITS]`; every line below
 * it is an operation on its table. Empty lines and lines that begin with # are ignored.
 * @param file names the script in messages
 * @throws UsageError `FILE:LINE: problem`
 */
export function parseScripts(text: string, file: string): Script[] {
  const scripts: (Script & { operations: Operation[] })[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const words = new Words(line, `${file}:${index + 1}`);
    if (words.first === "S") {
      scripts.push({ ...parseHeader(words), operations: [] });
      continue;
    }
    const script = scripts.at(-1);
    if (script === undefined) throw words.problem(`expected a scenario's first line, ${headerUsage}`);
    script.operations.push(parseOperation(words, line));
  }
  if (scripts.length === 0) throw new UsageError(`${file}: no scenario: expected a line ${headerUsage}`);
  return scripts;
}

function parseHeader(words: Words): Omit<Script, "operations"> {
  words.expects(headerUsage);
  const name = words.next("NAME");
  // The name is printed, and a terminal interprets characters that are not printable.
  if (!/^[\x21-\x7e]+$/.test(name)) throw words.unexpected("NAME", "printable ASCII", name);
  const { fwb = 0, range = 0, ipa = 40 } = words.settings({ fwb: [0, 1], range: [0, 1], ipa: [32, 52] });
  return { name, fwb: fwb === 1, tlbiRange: range === 1, iaBits: ipa };
}

function parseOperation(words: Words, text: string): Operation {
  const name = words.first;
  const shape = Object.hasOwn(shapes, name) ? shapes[name as Operation["name"]] : undefined;
  if (shape === undefined) {
    const names = Object.keys(shapes);
    throw words.problem(
      `no operation ${quote(name)}${didYouMean(name, names)}; there are ${names.join(", ")}`,
    );
  }
  words.expects(usages[name as Operation["name"]]);
  const operation = shape(words);
  words.end();
  return { ...operation, text };
}

const protBits = new Map([
  ["r", Prot.R],
  ["w", Prot.W],
  ["x", Prot.X],
  ["d", Prot.DEVICE],
]);

function protOf(words: Words): number {
  const letters = words.next("PROT");
  let prot = 0;
  for (const letter of letters) {
    const bit = protBits.get(letter);
    if (bit === undefined)
      throw words.unexpected("PROT", "letters of r, w, x and d (device memory)", letters);
    prot |= bit;
  }
  return prot;
}
