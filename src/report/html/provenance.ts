/** Describes how a result was computed, so that it can be reproduced. */

import { documentOf } from "../../compare/documents.js";
import type { TraceResult } from "../../compare/trace-result.js";
import type { ReplayStart } from "../../compare/watcher.js";
import type { Sheet } from "../sheet.js";
import { html, type Markup } from "./markup.js";
import type { Program } from "./shell.js";
import { headingList } from "./tables.js";

/** The origin of any page; `more` has further facts. */
export function origin(sheet: Sheet, program: Program, schema: string, more?: Markup): Markup {
  return html`<p>To repeat it:</p>
<pre class="command">${program.command}</pre>
${headingList(sheet)}
<dl class="facts">
<dt>program</dt><dd>s2replay ${program.version}</dd>
<dt>result</dt><dd>${schema}</dd>
${more}</dl>`;
}

export function provenance(
  result: TraceResult,
  sheet: Sheet,
  { source, profile, sides }: ReplayStart,
  program: Program,
): Markup {
  const header = source.header === undefined ? "none" : JSON.stringify(source.header);
  const more = html`${sides.map(({ name, models }) => html`<dt>${name}</dt><dd>${models}</dd>`)}
<dt>trace header</dt><dd><code>${header}</code></dd>
<dt>profile ${profile.name}</dt><dd>${profile.source}</dd>
`;
  return html`${origin(sheet, program, documentOf(result).schema, more)}
<details><summary>The profile's figures and their sources</summary>
<div class="scroll" tabindex="0" role="region" aria-label="Figures of the profile">
<table class="profile"><thead><tr><th scope="col">figure</th><th scope="col">ns</th><th scope="col"></th><th scope="col">source</th></tr></thead>
<tbody>${figures(profile.document)}</tbody></table></div></details>`;
}

function figures({ figures: given, guestReadNs, walkers }: ReplayStart["profile"]["document"]): Markup[] {
  const own = Object.entries(walkers ?? {}).map(
    ([name, { entryVisitNs }]) => [`entryVisitNs of ${name}`, entryVisitNs] as const,
  );
  const reads = guestReadNs.points.map(({ vcpus, ns }) => `${ns} (${vcpus})`).join(", ");
  return [
    ...[...Object.entries(given), ...own].map(([name, { value, range, ...from }]) =>
      figure(name, `${value}${range === undefined ? "" : ` (${range[0]} to ${range[1]})`}`, from),
    ),
    figure("guestReadNs (vCPUs)", reads, guestReadNs),
  ];
}

function figure(
  name: string,
  value: string,
  { source, assumed, bound }: { source: string; assumed: boolean; bound?: string | undefined },
): Markup {
  const text = bound === undefined ? source : `${source}; ${bound}`;
  return html`<tr><th scope="row">${name}</th><td>${value}</td><td>${assumed ? "assumed" : ""}</td><td>${text}</td></tr>
`;
}
