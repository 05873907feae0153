/**
 * The language of `--fail-on`: a condition over a JSON result. It is parsed, never evaluated as code.
 *
 *     candidate.faults.total > base.faults.total * 1.05
 *     epochs.ADJUST.candidate.makespanNs > 5ms or caveats has 'unclean-pages'
 *
 * - Paths are dotted; an array's element is named by its number or by its label (`epochs.0`,
 *   `epochs.ADJUST`, `epochs['two words']`).
 * - Numbers may carry a unit: ns, us, ms, s (all become nanoseconds) or % (becomes a ratio).
 *   Text is quoted: '..' or "..". `true`, `false` and `null` are themselves.
 * - From loosest to tightest: `or` (`||`); `and` (`&&`); `not` (`!`); `< <= > >= == !=` and `has`, which do
 *   not chain; `+ -`; `* /`; unary `-`; parentheses.
 * - `has` is true if a list holds the value or an entry with that `code` or `label`, or if a record holds that name.
 * - null (an unknown figure, such as `selfReplay` where the recording walker is unknown) is equal only to null;
 *   ordering it gives false; arithmetic with it gives null; as a condition it is false.
 * - x / 0 is infinite, with x's sign, so a rise from nothing exceeds every ratio; 0 / 0 is null.
 * - `and` and `or` do not evaluate the right side if the left side decides.
 */

import type { z } from "zod";
import { UsageError } from "../errors.js";
import { type Comparison, type Expr, parse } from "./expression-parser.js";
import { checkPath, isObject, lookUp, shapeOf } from "./expression-path.js";

export interface Expression {
  readonly text: string;
  /** Throws UsageError where the result lacks a label or an index, or where types do not fit. */
  holds(result: unknown): boolean;
}

/** Parses `text` and checks its paths against the schema of the results it is for. Throws UsageError naming `where`. */
export function parseExpression(text: string, schema: z.ZodType, where = "--fail-on"): Expression {
  const named = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(error.message.replace(/^--fail-on/, () => where));
    }
  };
  const expr = named(() => {
    const parsed = parse(text);
    checkPaths(parsed, shapeOf(schema));
    return parsed;
  });
  return { text, holds: (result) => named(() => condition(evaluate(expr, result))) };
}

function checkPaths(expr: Expr, root: ReturnType<typeof shapeOf>): void {
  switch (expr.type) {
    case "literal":
      return;
    case "path":
      checkPath(expr.segments, root, expr.column);
      return;
    case "minus":
    case "not":
      checkPaths(expr.operand, root);
      return;
    default:
      checkPaths(expr.left, root);
      checkPaths(expr.right, root);
  }
}

function evaluate(expr: Expr, result: unknown): unknown {
  switch (expr.type) {
    case "literal":
      return expr.value;
    case "path":
      return lookUp(expr.segments, result);
    case "minus":
      return negate(number(evaluate(expr.operand, result), "-"));
    case "not":
      return !condition(evaluate(expr.operand, result));
    case "arithmetic": {
      const left = number(evaluate(expr.left, result), expr.operator);
      const right = number(evaluate(expr.right, result), expr.operator);
      return left === null || right === null ? null : calculate(expr.operator, left, right);
    }
    case "compare":
      return compare(expr.operator, evaluate(expr.left, result), evaluate(expr.right, result));
    case "has":
      return has(evaluate(expr.left, result), evaluate(expr.right, result));
    case "logic": {
      const left = condition(evaluate(expr.left, result));
      if (left === (expr.operator === "or")) return left;
      return condition(evaluate(expr.right, result));
    }
  }
}

function condition(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  if (value === null) return false;
  throw new UsageError(`--fail-on: expected a condition such as "a > b", got ${kindOf(value)}`);
}

function number(value: unknown, operator: string): number | null {
  if (typeof value === "number" || value === null) return value;
  throw new UsageError(`--fail-on: "${operator}" needs numbers, got ${kindOf(value)}`);
}

function negate(value: number | null): number | null {
  return value === null ? null : -value;
}

function calculate(operator: "+" | "-" | "*" | "/", left: number, right: number): number | null {
  const value = arithmetic[operator](left, right);
  return Number.isNaN(value) ? null : value;
}

const arithmetic = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  // A negative zero must not flip the sign: `a - a` is zero, not less than zero.
  "/": (a: number, b: number) => a / (b === 0 ? 0 : b),
};

function compare(operator: Comparison, left: unknown, right: unknown): boolean {
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  const a = number(left, operator);
  const b = number(right, operator);
  return a !== null && b !== null && ordering[operator](a, b);
}

const ordering = {
  "<": (a: number, b: number) => a < b,
  "<=": (a: number, b: number) => a <= b,
  ">": (a: number, b: number) => a > b,
  ">=": (a: number, b: number) => a >= b,
};

function has(container: unknown, wanted: unknown): boolean {
  if (container === null) return false;
  if (Array.isArray(container)) {
    return container.some(
      (item) => item === wanted || (isObject(item) && (item.code === wanted || item.label === wanted)),
    );
  }
  if (isObject(container)) return typeof wanted === "string" && Object.hasOwn(container, wanted);
  throw new UsageError(`--fail-on: "has" needs a list, got ${kindOf(container)}`);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (isObject(value)) return "an object";
  return typeof value === "string" ? `the text ${JSON.stringify(value)}` : `the ${typeof value} ${value}`;
}
