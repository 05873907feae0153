/** The page as one text: head, parts in reading order, data, script. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart } from "../../compare/watcher.js";
import { summaryOf, verdictLines } from "../verdict.js";
import { ablationBars, sampleBars, stallBars } from "./bars.js";
import { html, Markup, scriptJson } from "./markup.js";
import type { PageFacts } from "./page-data.js";
import { type Program, provenance } from "./provenance.js";
import { caveats, comparison, findings, warningTexts } from "./tables.js";

/** Built from page/. */
const script = () => readFileSync(new URL("./page.js", import.meta.url), "utf8").trim();
const style = () => readFileSync(new URL("./page.css", import.meta.url), "utf8").trim();

export interface PageParts {
  readonly result: TraceResult;
  readonly start: ReplayStart;
  readonly program: Program;
  readonly facts: PageFacts;
  /** The columns, packed. */
  readonly data: string;
  /** What was merged, in words. */
  readonly merged: readonly string[];
}

export function pageText({ result, start, program, facts, data, merged }: PageParts): string {
  const names = result.sides.map(({ replay }) => replay.strategy);
  const title =
    names.length === 1 ? `Replay under ${names[0]}` : `${names[0]} against ${names.slice(1).join(", ")}`;
  const [code, css] = [script(), style()];
  const policy = `default-src 'none'; script-src '${hashOf(code)}'; style-src '${hashOf(css)}'; base-uri 'none'; form-action 'none'`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="s2replay ${program.version}">
<title>${result.trace.source}: ${title}</title>
<style>${new Markup(css)}</style>
</head>
<body>
<a class="skip" href="#timeline-title">To the timeline</a>
<header>
<div><h1>${title}</h1><p class="trace">${result.trace.source}</p></div>
<button type="button" id="theme" hidden>Theme: system</button>
</header>
<main>
${warningTexts(result).map((text) => html`<p class="warning"><strong>Warning:</strong> ${text}</p>\n`)}
${verdict(result)}
<section aria-labelledby="figures-title"><h2 id="figures-title">Figures</h2>
${comparison(result)}
<p class="note">What is marked ~ is modelled.</p></section>
<section aria-labelledby="timeline-title"><h2 id="timeline-title">Timeline</h2>
<div id="timeline"></div>
${merged.map((text) => html`<p class="note">${text}</p>`)}</section>
<section aria-labelledby="map-title"><h2 id="map-title">Address map</h2><div id="map"></div></section>
<section aria-labelledby="distribution-title"><h2 id="distribution-title">Stall distribution</h2><div id="distribution"></div></section>
<section aria-labelledby="where-title"><h2 id="where-title">Where the stall goes</h2>
${stallBars(result)}</section>
${section("ablation", "Without a cost", ablationBars(result))}
${section("samples", "What the assumptions make of it", sampleBars(result))}
<section aria-labelledby="caveats-title"><h2 id="caveats-title">Caveats</h2>
${caveats(result)}
${findings(result)}</section>
<section aria-labelledby="how-title"><h2 id="how-title">How it was computed</h2>
${provenance(result, start, program)}</section>
<noscript><p class="warning">Timeline, address map and distribution are drawn by a script, which is switched off.</p></noscript>
</main>
<script type="application/json" id="facts">${scriptJson(facts)}</script>
<script type="text/plain" id="data">${new Markup(data)}</script>
<script>${new Markup(code)}</script>
</body>
</html>
`.text;
}

/** Of one strategy a sentence; else what each comes to against the first. */
function verdict(result: TraceResult): Markup {
  const lines = verdictLines(result);
  if (lines.length === 0) return html`<p class="verdict">${unbroken(summaryOf(result.sides[0]!))}</p>`;
  return html`<dl class="facts verdict">${lines.map(
    ({ label, text }) => html`<dt class="${label}">${label}</dt><dd>${unbroken(text)}</dd>`,
  )}</dl>`;
}

/** Names with a hyphen, and a figure with its unit, stay on one line. */
function unbroken(text: string): Markup[] {
  return text
    .split(/((?:[^\s]*-[^\s]*)|(?:~?[\d.,]+ (?:ns|us|ms|s|%)(?![A-Za-z])))/)
    .map((part, i) => (i % 2 === 0 ? html`${part}` : html`<span class="unbroken">${part}</span>`));
}

function section(name: string, title: string, content: Markup | undefined): Markup | undefined {
  if (content === undefined) return undefined;
  return html`<section aria-labelledby="${name}-title"><h2 id="${name}-title">${title}</h2>
${content}</section>`;
}

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
