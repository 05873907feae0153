/** Text -> syntax tree of the `--fail-on` language. The language is described in expression.ts. */

import { UsageError } from "../errors.js";

/** One step of a path: an object's key, an array's index, or the label of an array's element. */
export type Segment = string;

const comparisons = ["<", "<=", ">", ">=", "==", "!="] as const;
export type Comparison = (typeof comparisons)[number];

export type Expr =
  | { readonly type: "literal"; readonly value: number | string | boolean | null }
  | { readonly type: "path"; readonly segments: readonly Segment[]; readonly column: number }
  | { readonly type: "minus"; readonly operand: Expr }
  | { readonly type: "not"; readonly operand: Expr }
  | {
      readonly type: "arithmetic";
      readonly operator: "+" | "-" | "*" | "/";
      readonly left: Expr;
      readonly right: Expr;
    }
  | { readonly type: "compare"; readonly operator: Comparison; readonly left: Expr; readonly right: Expr }
  | { readonly type: "has"; readonly left: Expr; readonly right: Expr }
  | { readonly type: "logic"; readonly operator: "and" | "or"; readonly left: Expr; readonly right: Expr };

const maxLength = 2000;
const maxDepth = 50;

/** Times are compared in nanoseconds, ratios as 0..1. */
const unitScale: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, "%": 0.01 };

type Token =
  | { readonly type: "literal"; readonly value: number | string | boolean | null; readonly column: number }
  | { readonly type: "path"; readonly segments: readonly Segment[]; readonly column: number }
  | { readonly type: "operator"; readonly text: string; readonly column: number }
  | { readonly type: "end"; readonly column: number };

const operatorSpelling: Readonly<Record<string, string>> = { "&&": "and", "||": "or", "!": "not" };
const wordLiterals: ReadonlyMap<string, boolean | null> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const wordOperators: ReadonlySet<string> = new Set(["and", "or", "not", "has"]);

const blank = /\s*/y;
const numeral = /(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?:\s*(ns|us|ms|s)(?!\w)|\s*(%))?(?![\w.])/y;
const quoted = /'([^']*)'|"([^"]*)"/y;
const head = /[A-Za-z_]\w*/y;
const step = /\.([A-Za-z_]\w*|\d+(?!\w))|\[\s*(?:(\d+)|'([^']*)'|"([^"]*)")\s*\]/y;
const operator = /<=|>=|==|!=|&&|\|\||[<>!+\-*/()]/y;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at = pattern.lastIndex;
    return match;
  };

  for (;;) {
    take(blank);
    const column = at + 1;
    if (at === text.length) {
      tokens.push({ type: "end", column });
      return tokens;
    }
    const number = take(numeral);
    if (number !== null) {
      const scale = unitScale[number[2] ?? number[3] ?? "ns"]!;
      tokens.push({ type: "literal", value: Number(number[1]) * scale, column });
      continue;
    }
    const string = take(quoted);
    if (string !== null) {
      tokens.push({ type: "literal", value: string[1] ?? string[2]!, column });
      continue;
    }
    const word = take(head)?.[0];
    if (word !== undefined) {
      const literal = wordLiterals.get(word);
      if (literal !== undefined) tokens.push({ type: "literal", value: literal, column });
      else if (wordOperators.has(word)) tokens.push({ type: "operator", text: word, column });
      else tokens.push({ type: "path", segments: [word, ...takeSteps(take)], column });
      continue;
    }
    const symbol = take(operator)?.[0];
    if (symbol === undefined) throw problem(column, `unexpected ${JSON.stringify(rest(text, at))}`);
    tokens.push({ type: "operator", text: operatorSpelling[symbol] ?? symbol, column });
  }
}

function takeSteps(take: (pattern: RegExp) => RegExpExecArray | null): Segment[] {
  const segments: Segment[] = [];
  for (let match = take(step); match !== null; match = take(step)) {
    segments.push(match[1] ?? match[2] ?? match[3] ?? match[4]!);
  }
  return segments;
}

function rest(text: string, at: number): string {
  const word = /\S{1,20}/.exec(text.slice(at))?.[0];
  return word ?? text.slice(at, at + 1);
}

function problem(column: number, what: string): UsageError {
  return new UsageError(`--fail-on: column ${column}: ${what}`);
}

/** Throws UsageError, and nothing else, for any invalid text. */
export function parse(text: string): Expr {
  if (text.length > maxLength) throw new UsageError(`--fail-on: longer than ${maxLength} characters`);
  return new Parser(tokenize(text)).whole();
}

/** Recursive descent, loosest first: or; and; not; comparison and has; + -; * /; unary -. */
class Parser {
  private next = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  whole(): Expr {
    const expr = this.or();
    const token = this.peek();
    if (token.type !== "end") throw problem(token.column, `expected an operator, got ${describe(token)}`);
    return expr;
  }

  private peek(): Token {
    return this.tokens[this.next]!;
  }

  /** Consumes the next token and returns its text if it is one of the operators `wanted`. */
  private accept<T extends string>(...wanted: readonly T[]): T | undefined {
    const token = this.peek();
    if (token.type !== "operator") return undefined;
    const found = wanted.find((text) => text === token.text);
    if (found !== undefined) this.next++;
    return found;
  }

  private nested<T>(body: () => T): T {
    if (++this.depth > maxDepth) throw problem(this.peek().column, "nested too deeply");
    const result = body();
    this.depth--;
    return result;
  }

  private or(): Expr {
    let left = this.and();
    while (this.accept("or")) left = { type: "logic", operator: "or", left, right: this.and() };
    return left;
  }

  private and(): Expr {
    let left = this.not();
    while (this.accept("and")) left = { type: "logic", operator: "and", left, right: this.not() };
    return left;
  }

  private not(): Expr {
    if (!this.accept("not")) return this.comparison();
    return this.nested(() => ({ type: "not", operand: this.not() }));
  }

  private comparison(): Expr {
    const left = this.sum();
    const operator = this.accept(...comparisons, "has");
    if (operator === undefined) return left;
    const right = this.sum();
    const { column } = this.peek();
    if (this.accept(...comparisons, "has")) throw problem(column, "comparisons do not chain: use `and`");
    return operator === "has" ? { type: "has", left, right } : { type: "compare", operator, left, right };
  }

  private sum(): Expr {
    let left = this.product();
    for (let operator = this.accept("+", "-"); operator; operator = this.accept("+", "-")) {
      left = { type: "arithmetic", operator, left, right: this.product() };
    }
    return left;
  }

  private product(): Expr {
    let left = this.unary();
    for (let operator = this.accept("*", "/"); operator; operator = this.accept("*", "/")) {
      left = { type: "arithmetic", operator, left, right: this.unary() };
    }
    return left;
  }

  private unary(): Expr {
    if (!this.accept("-")) return this.primary();
    return this.nested(() => ({ type: "minus", operand: this.unary() }));
  }

  private primary(): Expr {
    const token = this.peek();
    if (this.accept("(")) {
      const inner = this.nested(() => this.or());
      const close = this.peek();
      if (!this.accept(")")) throw problem(close.column, `expected ")", got ${describe(close)}`);
      return inner;
    }
    if (token.type !== "literal" && token.type !== "path") {
      throw problem(token.column, `expected a number, a path or "(", got ${describe(token)}`);
    }
    this.next++;
    return token.type === "literal"
      ? { type: "literal", value: token.value }
      : { type: "path", segments: token.segments, column: token.column };
  }
}

function describe(token: Token): string {
  if (token.type === "end") return "the end";
  if (token.type === "operator") return JSON.stringify(token.text);
  return token.type === "path" ? JSON.stringify(token.segments.join(".")) : JSON.stringify(token.value);
}
