/** The frame of every page: one file without external resources; its style and script are allowed by hash only. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { html, Markup } from "./markup.js";

/** Built from page/. */
const pageScript = () => readFileSync(new URL("./page.js", import.meta.url), "utf8").trim();
const pageStyle = () => readFileSync(new URL("./page.css", import.meta.url), "utf8").trim();

/** What the program knows about itself. */
export interface Program {
  readonly version: string;
  /** The command line as typed. */
  readonly command: string;
}

export interface PageParts {
  readonly title: string;
  /** What the page is about. */
  readonly source: string;
  readonly program: Program;
  readonly main: Markup;
  /** Elements with the data that the script draws; without data the page has no script. */
  readonly data?: Markup;
}

export function pageText({ title, source, program, main, data }: PageParts): string {
  const [code, css] = [data === undefined ? undefined : pageScript(), pageStyle()];
  const scripts = code === undefined ? "" : ` script-src '${hashOf(code)}';`;
  const policy = `default-src 'none';${scripts} style-src '${hashOf(css)}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="s2replay ${program.version}">
<title>${source}: ${title}</title>
<style>${new Markup(css)}</style>
</head>
<body>
${code === undefined ? undefined : html`<a class="skip" href="#timeline-title">To the timeline</a>\n`}<header>
<div><h1>${title}</h1><p class="trace">${source}</p></div>${
    code === undefined ? undefined : html`\n<button type="button" id="theme" hidden>Theme: system</button>`
  }
</header>
<main>
${main}</main>${code === undefined ? undefined : html`\n${data}\n<script>${new Markup(code)}</script>`}
</body>
</html>
`.text;
}

export function section(name: string, title: string, content: Markup | undefined): Markup | undefined {
  if (content === undefined) return undefined;
  return html`<section aria-labelledby="${name}-title"><h2 id="${name}-title">${title}</h2>
${content}</section>
`;
}

/** Keeps names with a hyphen, and figures with their units, on one line. */
export function unbroken(text: string): Markup[] {
  return text
    .split(/((?:[^\s]*-[^\s]*)|(?:~?[\d.,]+ (?:ns|us|ms|s|%)(?![A-Za-z])))/)
    .map((part, i) => (i % 2 === 0 ? html`${part}` : html`<span class="unbroken">${part}</span>`));
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
