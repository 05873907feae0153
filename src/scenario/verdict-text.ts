import { plural } from "../stage2/address-text.js";
import { isRule, meanings } from "../stage2/finding.js";
import { findingProblem } from "../stage2/finding-text.js";
import type { Law } from "../strategy/strategy.js";
import { fillText } from "./fill-text.js";
import type { Script } from "./script.js";
import type { Verdict, Verified } from "./verify.js";

/**
 * Formats a verdict as text that can be pasted into a mail.
 * @param given how the user named the strategy
 */
export function verdictText(
  { strategy, like, seed, ran, broken, deviations }: Verdict,
  given: string,
): string {
  const sets = ran.map(
    ({ name, scenarios, operations }) =>
      `${name} ${scenarios.toLocaleString("en-US")} (${operations.toLocaleString("en-US")} operations)`,
  );
  const head = [
    `${strategy.name}: ${strategy.models}`,
    ...fillText("ran         ", `scenarios: ${sets.join(", ")}; seed ${seed}; sanitizer on`),
    ...fillText("compared    ", `answers and final tables with ${like.name}`),
  ];
  const declared = deviations.map(({ deviation: { law, reason }, isShared, seen }) => {
    const often = isShared
      ? `so does ${like.name}`
      : seen === undefined
        ? "not seen"
        : `seen in ${plural(seen.scenarios, "scenario")}`;
    return fillText("declares    ", `${law}: ${reason}: ${often}`).join("\n");
  });
  const verdict =
    broken.length === 0
      ? "clean: no rule broken"
      : `${plural(broken.length, "rule")} broken: ${broken.map(({ law }) => law).join(", ")}`;
  const repeat =
    broken.length === 0
      ? []
      : [`To repeat one: s2replay walk - --strategy ${given}, and its lines from S on.`];
  const found = broken.map((each, i) =>
    findingText(
      each,
      i + 1,
      strategy.deviations.some(({ law }) => law === each.law),
    ),
  );
  return `${[[...head, ...declared, ...fillText("VERDICT     ", verdict)].join("\n"), ...found, ...repeat].join("\n\n")}\n`;
}

function findingText(verified: Verified, number: number, isDeclared: boolean): string {
  const { law, count, pages, scenarios, script, breach } = verified;
  const exposed = pages === 0 ? "" : `, ${plural(pages, "page")}`;
  const often = `${plural(count, "time")}${exposed}, in ${plural(scenarios, "scenario")}`;
  return [
    ...fillText(`${number}. `, `${law} (${often}): ${meaningOf(law)}${isDeclared ? " [declared]" : ""}`),
    "",
    ...scriptLines(law, script, breach.operation).map((line) => `     ${line}`),
    "",
    ...fillText("   ", findingProblem(breach)),
    ...breach.log.map((line) => `     ${line}`),
  ].join("\n");
}

/** The scenario as `walk` reads it; a comment marks the operation that breaks the law. */
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
