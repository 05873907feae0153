import { hex } from "../stage2/address-text.js";
import type { Strategy } from "../strategy/strategy.js";
import type { ResultFinding } from "./result.js";
import type { Session } from "./session.js";

/** What the sanitizer found on each side; null where none watched. */
export function findingsOf({ replay, options }: Session, sides: readonly Strategy[]): ResultFinding[] | null {
  if (options.sanitize !== true) return null;
  return [...new Set(sides)].flatMap((strategy) =>
    replay.found(strategy).map(({ rule, count, pages, first }) => ({
      strategy: strategy.name,
      rule,
      count,
      pages,
      line: first.operation,
      operation: first.during,
      ipa: Number.isNaN(first.ipa) ? null : hex(first.ipa),
      level: Number.isNaN(first.level) ? null : first.level,
      problem: first.problem,
      log: [...first.log],
    })),
  );
}
