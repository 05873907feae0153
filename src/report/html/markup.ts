/** HTML text in which every inserted value is escaped: a trace's own strings never become markup. */

import { printable } from "../quantity.js";

export class Markup {
  constructor(readonly text: string) {}
}

type Value = Markup | string | number | undefined | readonly (Markup | undefined)[];

/** `html`<td>${cell}</td>``: strings and numbers are escaped, markup and lists of it are not. Quote attributes. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = parts[0] as string;
  values.forEach((value, i) => {
    text += textOf(value) + (parts[i + 1] as string);
  });
  return new Markup(text);
}

function textOf(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Markup) return value.text;
  return typeof value === "object" ? value.map(textOf).join("") : escaped(printable(String(value)));
}

const references: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => references[c] as string);
}

/** JSON that is safe inside a script element. */
export function scriptJson(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, unicodeEscape));
}

function unicodeEscape(c: string): string {
  return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
