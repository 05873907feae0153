import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { UsageError } from "../errors.js";
import type { Rule } from "../stage2/finding.js";
import type { Strategy } from "../strategy/strategy.js";
import { GoldenWalk } from "./golden-line.js";
import { parseScripts, type Script } from "./script.js";

/** How a set of golden files was written: `ev` is null with more than `maxEvents` events; absent if undefined. */
interface GoldenForm {
  readonly maxEvents: number | undefined;
}

/** The forms by set name; every other set has random scenarios. */
const forms: ReadonlyMap<string, GoldenForm> = new Map([
  ["hand", { maxEvents: 400 }],
  ["large", { maxEvents: undefined }],
]);
const randomForm: GoldenForm = { maxEvents: 100 };

/** A script and what the kernels of some walkers did: `scenarios.NAME.txt.gz`, `NAME.LETTER.ndjson.gz`. */
export class GoldenSet {
  /** Whether its walks are so long that their text is hashed only on request. */
  readonly isLarge: boolean;

  constructor(
    private readonly folder: string,
    readonly name: string,
  ) {
    this.isLarge = this.form.maxEvents === undefined;
  }

  /** The scenarios, in the order of the recorded lines. */
  scripts(): Script[] {
    const file = `scenarios.${this.name}.txt.gz`;
    return parseScripts(unpack(join(this.folder, file)), file);
  }

  /** Letters of the walkers that have recorded lines, sorted. */
  letters(): string[] {
    const name = /^([^.]+)\.([^.]+)\.ndjson\.gz$/;
    return readdirSync(this.folder)
      .flatMap((file) => {
        const [, set, letter] = name.exec(file) ?? [];
        return set === this.name && letter !== undefined ? [letter] : [];
      })
      .sort();
  }

  /** What the kernel of this letter did, one JSON text per line. */
  recorded(letter: string): string[] {
    return unpack(join(this.folder, `${this.name}.${letter}.ndjson.gz`))
      .trimEnd()
      .split("\n");
  }

  get form(): GoldenForm {
    return forms.get(this.name) ?? randomForm;
  }
}

/** @throws UsageError where the folder has no golden data */
export function goldenSetsIn(folder: string): GoldenSet[] {
  if (!existsSync(folder)) throw new UsageError(`no folder ${folder}`);
  const sets = readdirSync(folder)
    .flatMap((file) => /^scenarios\.([^.]+)\.txt\.gz$/.exec(file)?.slice(1) ?? [])
    .sort()
    .map((name) => new GoldenSet(folder, name));
  if (sets.length === 0) throw new UsageError(`${folder}: no scenarios.NAME.txt.gz`);
  return sets;
}

function unpack(path: string): string {
  return gunzipSync(readFileSync(path)).toString();
}

/** A line in which a walk differs from the recording. */
interface Difference {
  readonly scenario: string;
  readonly operation: number;
  readonly text: string;
  /** The first field that differs; `ev[3]` where two lists differ from that item on. */
  readonly field: string;
  /** The values as JSON; undefined where absent. */
  readonly recorded: string | undefined;
  readonly walked: string | undefined;
}

export interface Agreement {
  readonly compared: number;
  readonly equal: number;
  readonly differences: readonly Difference[];
  /** Rules that the walks broke, if they were sanitized. */
  readonly broken: readonly Rule[];
}

/** Fields that only a walk with hashes has. */
const hashFields = ["eh", "rh", "lh"];
const KEPT_DIFFERENCES = 5;

/**
 * Runs every scenario under the strategy and compares each line with the recorded one, byte by byte.
 *
 * Without `hashes` the three hashes are first removed from the recorded lines, since the walk has none.
 * Nothing else is normalised.
 */
export function compareWithGolden(
  strategy: Strategy,
  scripts: readonly Script[],
  recorded: readonly string[],
  form: GoldenForm & { readonly hashes: boolean; readonly sanitizes?: boolean },
): Agreement {
  const differences: Difference[] = [];
  let at = 0;
  let equal = 0;
  const compare = (walked: string | undefined): void => {
    const given = recorded[at++];
    const wanted = given === undefined || form.hashes ? given : withoutHashes(given);
    if (walked === wanted) equal++;
    else if (differences.length < KEPT_DIFFERENCES) differences.push(differenceOf(wanted, walked));
  };
  const broken = new Set<Rule>();
  for (const script of scripts) {
    const walk = new GoldenWalk(strategy, script, form);
    for (const line of walk.lines()) compare(JSON.stringify(line));
    for (const { rule } of walk.run.sanitizer?.found ?? []) broken.add(rule);
  }
  while (at < recorded.length) compare(undefined);
  return { compared: at, equal, differences, broken: [...broken] };
}

function withoutHashes(text: string): string {
  const line = JSON.parse(text);
  for (const field of hashFields) delete line[field];
  return JSON.stringify(line);
}

function differenceOf(recorded: string | undefined, walked: string | undefined): Difference {
  const given = fieldsOf(recorded);
  const own = fieldsOf(walked);
  const place = recorded === undefined ? own : given;
  const field = [...given.keys(), ...own.keys()].find((key) => given.get(key) !== own.get(key));
  const values =
    field === undefined
      ? { field: "order of fields", recorded: undefined, walked: undefined }
      : firstItem({ field, recorded: given.get(field), walked: own.get(field) });
  return {
    scenario: JSON.parse(place.get("s") ?? '"?"'),
    operation: Number(place.get("i")),
    text: JSON.parse(place.get("op") ?? '"?"'),
    ...values,
  };
}

type Values = Pick<Difference, "field" | "recorded" | "walked">;

/** Narrows two lists to the first item in which they differ. */
function firstItem(values: Values): Values {
  const [a, b] = [values.recorded, values.walked].map((text): unknown =>
    text === undefined ? undefined : JSON.parse(text),
  );
  if (!Array.isArray(a) || !Array.isArray(b)) return values;
  const [recorded, walked] = [a, b].map((list) => list.map((item) => JSON.stringify(item)));
  const length = Math.max(a.length, b.length);
  const index = Array.from({ length }, (_, i) => i).find((i) => recorded![i] !== walked![i]);
  if (index === undefined) return values;
  return { field: `${values.field}[${index}]`, recorded: recorded![index], walked: walked![index] };
}

function fieldsOf(text: string | undefined): Map<string, string> {
  const line: object = text === undefined ? {} : JSON.parse(text);
  return new Map(Object.entries(line).map(([field, value]) => [field, JSON.stringify(value)]));
}
