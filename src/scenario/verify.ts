import { fileURLToPath } from "node:url";
import { seededRandom } from "../seeded-random.js";
import { isRule } from "../stage2/finding.js";
import { strategies, strategyByName } from "../strategy/index.js";
import type { Deviation, Law, Strategy } from "../strategy/strategy.js";
import { goldenSetsIn } from "./golden-files.js";
import { type Breach, breaches, laws } from "./laws.js";
import { randomScript } from "./random-script.js";
import type { Script } from "./script.js";
import { shrink } from "./shrink.js";

/** Scenarios that ship with the program. In each the strategies agree with the kernels' own walkers. */
const SHIPPED = fileURLToPath(new URL("../../fixtures/golden", import.meta.url));

export interface VerifyOptions {
  /** Answers and final tables are compared with those of this strategy. */
  readonly like: Strategy;
  /** Seed of the generated scenarios. */
  readonly seed: number;
  /** Number of generated scenarios. */
  readonly generated: number;
  /** Scenarios in addition to the generated ones. */
  readonly shipped: readonly ScriptSet[];
}

export interface ScriptSet {
  readonly name: string;
  readonly scripts: readonly Script[];
}

/** A set of scenarios that was run. */
interface Ran {
  readonly name: string;
  readonly scenarios: number;
  readonly operations: number;
}

/** A law that the strategy broke. */
export interface Verified {
  readonly law: Law;
  readonly count: number;
  readonly pages: number;
  readonly scenarios: number;
  /** The smallest scenario found that breaks the law, and how it does. */
  readonly script: Script;
  readonly breach: Breach;
}

/** A deviation that the strategy declares. */
interface Declared {
  readonly deviation: Deviation;
  /** Whether `like` declares it too, so that no comparison of the two shows it. */
  readonly isShared: boolean;
  readonly seen: Verified | undefined;
}

export interface Verdict {
  readonly strategy: Strategy;
  readonly like: Strategy;
  readonly seed: number;
  readonly ran: readonly Ran[];
  /** Laws broken that must not be: undeclared ones, and any whose breach would harm a machine. */
  readonly broken: readonly Verified[];
  /** The deviations that the strategy declares, and which of them were seen. */
  readonly deviations: readonly Declared[];
}

/** Yielded after each scenario, so that a progress bar can be drawn and signals handled. */
export interface VerifyStep {
  readonly done: number;
  readonly of: number;
}

/** The kernel walker most like a strategy: another sound one of its generation, or else v6.1's (v6.12's for v6.1). */
export function likeOf(strategy: Strategy): Strategy {
  const facts = JSON.stringify(strategy.generation);
  const peer = strategies.find(
    (each) =>
      each.golden !== undefined &&
      each.name !== strategy.name &&
      JSON.stringify(each.generation) === facts &&
      !each.deviations.some(({ law }) => isRule(law)),
  );
  return peer ?? (strategyByName(strategy.name === "v6.1" ? "v6.12" : "v6.1") as Strategy);
}

/** Runs the shipped and the generated scenarios under a strategy and judges it by all laws; yields after each. */
export function* verify(
  strategy: Strategy,
  { like, seed, generated, shipped }: VerifyOptions,
): Generator<VerifyStep, Verdict> {
  const sets = [...shipped, { name: "generated", scripts: generatedScripts(seed, generated) }];
  const of = sets.reduce((sum, { scripts }) => sum + scripts.length, 0);
  const seen = new Map<Law, Breaker>();
  let done = 0;
  for (const script of sets.flatMap(({ scripts }) => scripts)) {
    for (const breach of breaches(strategy, like, script)) note(seen, script, breach);
    yield { done: ++done, of };
  }
  // The law that breaks after the fewest operations comes first: the others may follow from it.
  const verified = laws
    .flatMap((law) => {
      const breaker = seen.get(law);
      return breaker === undefined ? [] : [smallest(strategy, like, law, breaker)];
    })
    .sort((a, b) => Number(isSmaller(b, a)) - Number(isSmaller(a, b)));
  // A deviation that both declare makes no difference between them.
  const isShared = ({ law, reason }: Deviation) =>
    like.deviations.some((other) => other.law === law && other.reason === reason);
  const forgiven = new Set(strategy.deviations.filter((each) => !isShared(each)).map(({ law }) => law));
  return {
    strategy,
    like,
    seed,
    ran: sets.map(({ name, scripts }) => ({
      name,
      scenarios: scripts.length,
      operations: scripts.reduce((sum, { operations }) => sum + operations.length, 0),
    })),
    // Declaring the breach of a rule makes a machine no safer.
    broken: verified.filter(({ law }) => isRule(law) || !forgiven.has(law)),
    deviations: strategy.deviations.map((deviation) => ({
      deviation,
      isShared: isShared(deviation),
      seen: isShared(deviation) ? undefined : verified.find(({ law }) => law === deviation.law),
    })),
  };
}

/** What is known of a law's breaches so far; the scenario is the one that breaks it earliest. */
interface Breaker {
  count: number;
  pages: number;
  scenarios: number;
  script: Script;
  breach: Breach;
}

function note(seen: Map<Law, Breaker>, script: Script, breach: Breach): void {
  const { law, count, pages } = breach;
  const known = seen.get(law);
  if (known === undefined) {
    seen.set(law, { count, pages, scenarios: 1, script, breach });
    return;
  }
  known.count += count;
  known.pages += pages;
  known.scenarios++;
  if (!isSmaller({ script, breach }, known)) return;
  known.script = script;
  known.breach = breach;
}

interface Example {
  readonly script: Script;
  readonly breach: Breach;
}

/** Whether an example shows its breach after fewer operations, or after as many that cover less memory. */
function isSmaller(one: Example, other: Example): boolean {
  const fewer = one.breach.operation - other.breach.operation;
  return fewer < 0 || (fewer === 0 && bytesOf(one) < bytesOf(other));
}

/** Bytes that the operations up to the breach cover. */
function bytesOf({ script, breach }: Example): number {
  let bytes = 0;
  for (const operation of script.operations.slice(0, breach.operation)) {
    if ("bytes" in operation) bytes += operation.bytes;
    if ("pages" in operation) bytes += operation.pages * operation.stride;
  }
  return bytes;
}

function smallest(strategy: Strategy, like: Strategy, law: Law, breaker: Breaker): Verified {
  const find = (script: Script) => breaches(strategy, like, script).find((breach) => breach.law === law);
  return { ...breaker, law, ...shrink(breaker.script, breaker.breach, find) };
}

/** The sets that ship with the program. */
export function shippedSets(): ScriptSet[] {
  return goldenSetsIn(SHIPPED)
    .filter(({ name }) => name === "hand" || name === "random200")
    .map((set) => ({ name: set.name, scripts: set.scripts() }));
}

function generatedScripts(seed: number, count: number): Script[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => randomScript(`g${i}`, random));
}
