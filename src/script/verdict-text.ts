import { plural } from "../stage2/address-text.js";
import { isRule, meanings } from "../stage2/finding.js";
import { findingProblem } from "../stage2/finding-text.js";
import type { Law } from "../strategy/strategy.js";
import type { Script } from "./script.js";
import type { Verdict, Verified } from "./verify.js";

const WIDTH = 100;

/** A verdict as text that can be pasted into a mail. */
export function verdictText({ strategy, like, seed, ran, broken, deviations }: Verdict): string {
  const sets = ran.map(
    ({ name, scenarios, operations }) =>
      `${name} ${scenarios.toLocaleString("en-US")} (${operations.toLocaleString("en-US")} operations)`,
  );
  const head = [
    `${strategy.name}: ${strategy.models}`,
    ...hang("ran         ", `scenarios: ${sets.join(", ")}; seed ${seed}; sanitizer on`),
    ...hang("compared    ", `answers and final tables with ${like.name}`),
  ];
  const declared = deviations.map(({ deviation: { law, reason }, seen }) => {
    const often =
      seen === undefined
        ? `not seen (${like.name} may do the same)`
        : `seen in ${plural(seen.scenarios, "scenario")}`;
    return hang("declares    ", `${law}: ${reason}: ${often}`).join("\n");
  });
  const verdict =
    broken.length === 0
      ? "VERDICT     clean: no rule broken"
      : `VERDICT     ${plural(broken.length, "rule")} broken: ${broken.map(({ law }) => law).join(", ")}`;
  const found = broken.map((each, i) =>
    findingText(
      each,
      i + 1,
      strategy.deviations.some(({ law }) => law === each.law),
    ),
  );
  return `${[[...head, ...declared, verdict].join("\n"), ...found].join("\n\n")}\n`;
}

function findingText(verified: Verified, number: number, isDeclared: boolean): string {
  const { law, count, pages, scenarios, script, breach } = verified;
  const exposed = pages === 0 ? "" : `, ${plural(pages, "page")}`;
  const often = `${plural(count, "time")}${exposed}, in ${plural(scenarios, "scenario")}`;
  return [
    ...hang(`${number}. `, `${law} (${often}): ${meaningOf(law)}${isDeclared ? " [declared]" : ""}`),
    "",
    ...scriptLines(law, script, breach.operation).map((line) => `     ${line}`),
    "",
    ...hang("   ", findingProblem(breach)),
    ...breach.log.map((line) => `     ${line}`),
  ].join("\n");
}

/** The scenario as `walk` reads it; the operation that breaks the law is marked by a remark above it. */
function scriptLines(
  name: string,
  { fwb, tlbiRange, iaBits, operations }: Script,
  operation: number,
): string[] {
  const ipa = iaBits === 40 ? "" : ` ipa=${iaBits}`;
  return [
    `S ${name} fwb=${Number(fwb)} range=${Number(tlbiRange)}${ipa}`,
    ...operations.flatMap(({ text }, i) => (i + 1 === operation ? ["# here:", text.trim()] : [text.trim()])),
  ];
}

function meaningOf(law: Law): string {
  if (isRule(law)) return meanings[law];
  return law === "same-answer"
    ? "an operation answered otherwise"
    : "the same operations led to another table";
}

/** Text filled to the width, behind a label. */
function hang(label: string, text: string): string[] {
  const lines: string[] = [];
  let line = label;
  for (const word of text.split(" ")) {
    if (line.length + 1 + word.length > WIDTH && line.trim() !== "") {
      lines.push(line);
      line = " ".repeat(label.length);
    }
    line += line.length === label.length ? word : ` ${word}`;
  }
  return [...lines, line];
}
