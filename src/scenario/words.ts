import { UsageError } from "../errors.js";
import { didYouMean } from "../suggest.js";

/** Addresses have at most 52 bits; the size of the whole address space needs one more value. */
const ADDRESS_LIMIT = 2 ** 52;

/** The words of one line of a script, taken one by one. Every problem becomes a UsageError `FILE:LINE: ..`. */
export class Words {
  /** The line's first word. */
  readonly first: string;
  private readonly rest: string[];
  private usage = "";

  constructor(
    line: string,
    private readonly where: string,
  ) {
    [this.first = "", ...this.rest] = line.trim().split(/\s+/);
  }

  get isAtEnd(): boolean {
    return this.rest.length === 0;
  }

  /** Sets the syntax of the whole line, which each message ends with. */
  expects(usage: string): void {
    this.usage = usage;
  }

  problem(text: string): UsageError {
    return new UsageError(`${this.where}: ${text}`);
  }

  unexpected(what: string, expected: string, word: string): UsageError {
    return this.problem(`${what}: expected ${expected}, got ${quote(word)} (${this.usage})`);
  }

  /** @param what names the word in the message when the line has no more */
  next(what: string): string {
    const word = this.rest.shift();
    if (word === undefined) throw this.problem(`${what} is missing (${this.usage})`);
    return word;
  }

  /** Parses a number of bytes: hexadecimal with 0x, or decimal. */
  address(what: string): number {
    const word = this.next(what);
    const value = Number(word);
    if (!/^(0x[0-9a-f]+|\d+)$/i.test(word) || value > ADDRESS_LIMIT)
      throw this.unexpected(what, "a number of at most 52 bits, such as 0x40000000", word);
    return value;
  }

  count(what: string): number {
    const word = this.next(what);
    const value = Number(word);
    if (!/^\d+$/.test(word) || value >= 2 ** 31) throw this.unexpected(what, "a whole number", word);
    return value;
  }

  /** Parses all remaining words as `name=value`; each value is a whole number within the given bounds. */
  settings<Name extends string>(
    bounds: Readonly<Record<Name, readonly [least: number, most: number]>>,
  ): Partial<Record<Name, number>> {
    const settings: Partial<Record<Name, number>> = {};
    for (const word of this.rest.splice(0)) {
      const [name = "", text = ""] = word.split("=");
      if (!Object.hasOwn(bounds, name)) {
        const names = Object.keys(bounds);
        throw this.problem(`unknown setting ${quote(name)}${didYouMean(name, names)} (${this.usage})`);
      }
      const [least, most] = bounds[name as Name];
      const value = Number(text);
      if (!/^\d+$/.test(text) || value < least || value > most || word.split("=").length !== 2)
        throw this.unexpected(name, `${name}=${least === 0 ? "0 or 1" : `${least} to ${most}`}`, word);
      settings[name as Name] = value;
    }
    return settings;
  }

  end(): void {
    if (!this.isAtEnd)
      throw this.problem(`unexpected word ${quote(this.rest[0] ?? "")} at the end (${this.usage})`);
  }
}

const QUOTED_CHARS = 60;

/** Formats a word for a message: quoted, control characters escaped, cut if long. */
export function quote(word: string): string {
  return JSON.stringify(word.length > QUOTED_CHARS ? `${word.slice(0, QUOTED_CHARS)}..` : word);
}
