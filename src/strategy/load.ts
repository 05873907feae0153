import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { StrategyError, UsageError } from "../errors.js";
import type { Meter } from "../stage2/meter.js";
import { Prot } from "../stage2/pte.js";
import type { Visitor } from "../stage2/visit.js";
import { didYouMean } from "../suggest.js";
import { v6 } from "./generation.js";
import { formerNames, strategies, strategyByName } from "./index.js";
import { isRelease, strategyOfRelease } from "./kernel-release.js";
import { habits, MapSteps } from "./map-steps.js";
import { PostPatchMap } from "./post-patch.js";
import { PrePatchMap } from "./pre-patch.js";
import { Stage2 } from "./stage2.js";
import type { Strategy } from "./strategy.js";
import { V6Map } from "./v6.1.js";

/** The parts of the built-in strategies, passed to a module that exports a function. */
const kit = {
  /** @throws UsageError for an unknown name */
  strategyByName: builtIn,
  habits,
  MapSteps,
  PrePatchMap,
  PostPatchMap,
  V6Map,
};

const silent: Meter = { charge() {}, stored() {} };

/**
 * Loads the strategy of this name, the one for this kernel release (`v6.6`), or the ES module at this path (anything
 * with a path separator, or that ends in .js, .mjs or .ts). A module runs with the user's own rights.
 * @throws UsageError for an unknown name or a file that does not exist
 * @throws StrategyError for a module that breaks the contract
 */
export async function loadStrategy(nameOrPath: string): Promise<Strategy> {
  if (!isModule(nameOrPath)) return builtIn(nameOrPath);
  const path = resolve(nameOrPath);
  if (!existsSync(path)) throw new UsageError(`no strategy file ${nameOrPath}`);
  let exported: unknown;
  try {
    const module: { default?: unknown } = await importModule(path);
    exported = typeof module.default === "function" ? module.default(kit) : module.default;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new StrategyError(`${nameOrPath}: failed to load: ${text}`, { cause: error });
  }
  return checkStrategy(exported, nameOrPath);
}

/** Whether it is a module's path, not a name. */
export function isModule(nameOrPath: string): boolean {
  return /[/\\]|\.(m?js|ts)$/.test(nameOrPath);
}

/** If Node cannot import TypeScript, the module is transpiled by the typescript package, if that is installed. */
async function importModule(path: string): Promise<{ default?: unknown }> {
  const { href } = pathToFileURL(path);
  if (!path.endsWith(".ts")) return import(href);
  try {
    return await import(href);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION"))
      throw error;
  }
  const name: string = "typescript";
  let typescript: typeof import("typescript");
  try {
    ({ default: typescript } = await import(name));
  } catch {
    throw new Error("a module in TypeScript needs Node 22.18 or later, or the typescript package");
  }
  const { outputText } = typescript.transpileModule(readFileSync(path, "utf8"), {
    fileName: path,
    compilerOptions: { module: typescript.ModuleKind.ESNext, target: typescript.ScriptTarget.ES2022 },
  });
  return import(`data:text/javascript,${encodeURIComponent(outputText)}`);
}

/**
 * Checks that the module keeps the contract, as far as one small map shows it.
 * @param where names the module in messages
 * @throws StrategyError
 */
function checkStrategy(candidate: unknown, where: string): Strategy {
  if (typeof candidate !== "object" || candidate === null)
    throw new StrategyError(`${where}: default export: expected a strategy, got ${describe(candidate)}`);
  const given = candidate as Partial<Record<keyof Strategy, unknown>>;
  const expect = (key: keyof Strategy, good: boolean, expected: string): void => {
    if (!good) throw new StrategyError(`${where}: ${key}: expected ${expected}, got ${describe(given[key])}`);
  };
  expect("name", isText(given.name), "a name");
  expect("models", isText(given.models), "one line that says which generation it models");
  const isRegime = given.lockRegime === "exclusive" || given.lockRegime === "shared";
  expect("lockRegime", isRegime, '"exclusive" or "shared"');
  const isLock = [undefined, "spinlock", "rwlock"].includes(given.mmuLock as undefined);
  expect("mmuLock", isLock, '"spinlock" or "rwlock"');
  expect("compiledAs", given.compiledAs === undefined || isText(given.compiledAs), "a strategy's name");
  expect("faultPathCleans", typeof given.faultPathCleans === "boolean", "true or false");
  expect("deferredFrees", typeof given.deferredFrees === "boolean", "true or false");
  expect("createMapWalker", typeof given.createMapWalker === "function", "a function");
  const { deviations = [], generation = v6 } = given;
  expect("deviations", Array.isArray(deviations), "a list of {law, reason}");
  expect("generation", hasShape(generation, v6), "the generation of a built-in strategy, or one like it");
  const strategy = candidate as Strategy;
  const checked: Strategy = {
    name: strategy.name,
    models: strategy.models,
    lockRegime: strategy.lockRegime,
    ...(strategy.mmuLock === undefined ? {} : { mmuLock: strategy.mmuLock }),
    ...(strategy.compiledAs === undefined ? {} : { compiledAs: strategy.compiledAs }),
    faultPathCleans: strategy.faultPathCleans,
    deferredFrees: strategy.deferredFrees,
    generation: generation as Strategy["generation"],
    deviations: deviations as Strategy["deviations"],
    createMapWalker: (ops, map) => checkVisitor(strategy.createMapWalker(ops, map), where),
  };
  // Maps one page into an empty table: this shows a walker that cannot be created, or that returns a wrong answer.
  const rehearsal = new Stage2({ granuleBytes: 4096, iaBits: 40, fwb: false }, checked, silent);
  rehearsal.map(0, 4096, 0, Prot.R);
  return checked;
}

function checkVisitor(candidate: unknown, where: string): Visitor {
  if (typeof candidate !== "object" || candidate === null)
    throw new StrategyError(`${where}: createMapWalker: expected a visitor, got ${describe(candidate)}`);
  const visitor = candidate as Record<keyof Visitor, unknown>;
  for (const key of ["tablePre", "leaf", "tablePost"] as const)
    if (visitor[key] !== undefined && typeof visitor[key] !== "function")
      throw new StrategyError(`${where}: ${key}: expected a function, got ${describe(visitor[key])}`);
  return candidate;
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.trim() !== "";
}

/** Whether the value has each field of the model, with the same type. */
function hasShape(value: unknown, model: object): boolean {
  if (typeof value !== "object" || value === null) return false;
  const facts = value as Record<string, unknown>;
  return Object.entries(model).every(([key, fact]) =>
    typeof fact === "object" ? hasShape(facts[key], fact) : typeof facts[key] === typeof fact,
  );
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "function") return "a function";
  return JSON.stringify(value) ?? String(value);
}

function builtIn(name: string): Strategy {
  const strategy = strategyByName(name);
  if (strategy !== undefined) return strategy;
  const renamed = formerNames.get(name);
  if (renamed !== undefined)
    throw new UsageError(
      `the strategy ${name} is called ${renamed} now; the kernel of that release runs ${strategyOfRelease(name).name}: expected either`,
    );
  if (isRelease(name)) return strategyOfRelease(name);
  const names = strategies.map((each) => each.name);
  throw new UsageError(
    `no strategy named "${name}"${didYouMean(name, names)}; there are ${names.join(", ")}, or give the path of a module`,
  );
}
