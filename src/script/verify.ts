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

/** Scenarios that ship with the program; the kernels' own walkers agree with the strategies on each. */
const SHIPPED = fileURLToPath(new URL("../../fixtures/golden", import.meta.url));

export interface VerifyOptions {
  /** Answers and final tables are compared with this strategy's. */
  readonly like: Strategy;
  /** Of the generated scenarios. */
  readonly seed: number;
  /** How many are generated. */
  readonly generated: number;
}

/** A set of scenarios that was run. */
export interface Ran {
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
  /** The smallest scenario found that breaks it, and how. */
  readonly script: Script;
  readonly breach: Breach;
}

export interface Verdict {
  readonly strategy: Strategy;
  readonly like: Strategy;
  readonly seed: number;
  readonly ran: readonly Ran[];
  /** Laws that were broken and may not be: undeclared ones, and any by which a machine would come to harm. */
  readonly broken: readonly Verified[];
  /** What the strategy declares, and what of it was seen. */
  readonly deviations: readonly { readonly deviation: Deviation; readonly seen: Verified | undefined }[];
}

/** What is said in between: for a progress bar, and so that a signal is heard. */
export interface Step {
  readonly done: number;
  readonly of: number;
}

/** The kernel's walker that a strategy is most like: another one of its generation that is sound; else v6.1's. */
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

/** Runs the shipped and the generated scenarios under a strategy and judges it by all laws; yields as it goes. */
export function* verify(
  strategy: Strategy,
  { like, seed, generated }: VerifyOptions,
): Generator<Step, Verdict> {
  const sets = [...shippedSets(), { name: "generated", scripts: generatedScripts(seed, generated) }];
  const of = sets.reduce((sum, { scripts }) => sum + scripts.length, 0);
  const seen = new Map<Law, Breaker>();
  let done = 0;
  for (const script of sets.flatMap(({ scripts }) => scripts)) {
    for (const breach of breaches(strategy, like, script)) note(seen, script, breach);
    yield { done: ++done, of };
  }
  const verified = laws.flatMap((law) => {
    const breaker = seen.get(law);
    return breaker === undefined ? [] : [smallest(strategy, like, law, breaker)];
  });
  const declared = new Set(strategy.deviations.map(({ law }) => law));
  return {
    strategy,
    like,
    seed,
    ran: sets.map(({ name, scripts }) => ({
      name,
      scenarios: scripts.length,
      operations: scripts.reduce((sum, { operations }) => sum + operations.length, 0),
    })),
    // Saying so makes a machine no safer.
    broken: verified.filter(({ law }) => isRule(law) || !declared.has(law)),
    deviations: strategy.deviations.map((deviation) => ({
      deviation,
      seen: verified.find(({ law }) => law === deviation.law),
    })),
  };
}

/** What is known of a law's breaches so far; the scenario is the one that broke it soonest. */
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
  const before = known.breach;
  // Of two that come equally soon, the smaller block.
  const isSooner =
    breach.operation < before.operation ||
    (breach.operation === before.operation && breach.level > before.level);
  if (!isSooner) return;
  known.script = script;
  known.breach = breach;
}

function smallest(strategy: Strategy, like: Strategy, law: Law, breaker: Breaker): Verified {
  const find = (script: Script) => breaches(strategy, like, script).find((breach) => breach.law === law);
  return { ...breaker, law, ...shrink(breaker.script, breaker.breach, find) };
}

function shippedSets(): { name: string; scripts: Script[] }[] {
  return goldenSetsIn(SHIPPED)
    .filter(({ name }) => name === "hand" || name === "random200")
    .map((set) => ({ name: set.name, scripts: set.scripts() }));
}

function generatedScripts(seed: number, count: number): Script[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, i) => randomScript(`g${i}`, random));
}
