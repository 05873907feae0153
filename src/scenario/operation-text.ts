import { sizeText } from "../stage2/address-text.js";
import { Errno } from "../strategy/stage2.js";
import type { EventCount, Windows } from "./event-count.js";
import type { GoldenLine } from "./golden-line.js";

const errnoNames = new Map<number, string>(Object.entries(Errno).map(([name, value]) => [value, `-${name}`]));

/** What an operation returned, as text: `0`, `-EAGAIN`, `8 failed`; empty for one that only looks. */
export function returnText({ op, ret }: GoldenLine): string {
  const [name] = op.trim().split(/\s/);
  if (name === "lookup" || name === "dump") return "";
  if (ret === null) return "nothing";
  if (typeof ret === "string") return ret === "0x0" ? "no leaf there" : `the entry was ${ret}`;
  if (name === "fill") return ret === 0 ? "all mapped" : `${ret.toLocaleString("en-US")} failed`;
  if (name === "old" || name === "isyoung") return ret === 1 ? "young" : "not young";
  return errnoNames.get(ret) ?? String(ret);
}

/** What a lookup or dump found, one line each. */
export function foundText(line: GoldenLine): string[] {
  if (line.level !== undefined) {
    const { level, pte, phys, prot } = line;
    return [phys === undefined ? `L${level} ${pte}: not mapped` : `L${level} ${pte}: ${phys} ${prot}`];
  }
  if (line.leaves?.length === 0) return ["nothing is mapped"];
  return (line.leaves ?? []).map(
    ([ipa, level, phys, letters, leaves]) =>
      `L${level} ${ipa} -> ${phys} ${letters}${leaves === 1 ? "" : ` x ${leaves.toLocaleString("en-US")}`}`,
  );
}

type Counters = EventCount["counters"];

/** A figure of an operation; its value is empty where the operation has none. */
interface OperationFigure {
  readonly name: string;
  value(line: GoldenLine): string;
}

function count(name: string, of: (n: Counters) => number): OperationFigure {
  return { name, value: ({ n }) => (of(n) === 0 ? "" : of(n).toLocaleString("en-US")) };
}

function bytes(name: string, of: (n: Counters) => number): OperationFigure {
  return { name, value: ({ n }) => (of(n) === 0 ? "" : sizeText(of(n))) };
}

const figures: readonly OperationFigure[] = [
  count("visits", ({ pre = 0, leaf = 0, post = 0 }) => pre + leaf + post),
  count("stores", ({ st = 0 }) => st),
  count("TLBIs by VMID", ({ vmid = 0 }) => vmid),
  count("TLBIs by IPA", ({ ipa = 0 }) => ipa),
  count("TLBIs on this CPU", ({ nsh = 0 }) => nsh),
  count("TLBIs by range", ({ range = 0 }) => range),
  count("gets", ({ get = 0 }) => get),
  count("puts", ({ put = 0 }) => put),
  count("new tables", ({ alloc = 0 }) => alloc),
  count("freed tables", ({ freed = 0 }) => freed),
  count("deferred frees", ({ rcu = 0 }) => rcu),
  bytes("D-cache clean", ({ dcb = 0 }) => dcb),
  bytes("I-cache invalidation", ({ icb = 0 }) => icb),
  { name: "window", value: ({ win }) => (win === undefined ? "" : windowText(win)) },
];

function windowText([replacements, , longest]: Windows): string {
  const steps = `${longest.toLocaleString("en-US")} ${longest === 1 ? "step" : "steps"}`;
  return replacements === 1 ? steps : `${replacements.toLocaleString("en-US")}, the longest ${steps}`;
}

/** The figures that are not empty. */
export function figuresOf(line: GoldenLine): string[] {
  const texts = figures.flatMap(({ name, value }) => (value(line) === "" ? [] : [`${name} ${value(line)}`]));
  return texts.length === 0 ? ["nothing done"] : texts;
}

/** The figures that differ, as text; `0` where there is none. */
export function figuresThatDiffer(a: GoldenLine, b: GoldenLine): [name: string, a: string, b: string][] {
  return figures
    .map(({ name, value }): [string, string, string] => [name, value(a) || "0", value(b) || "0"])
    .filter(([, own, other]) => own !== other);
}
