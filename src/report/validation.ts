/** Formats what `validate` found; problems come first. */

import type { ValidateResult } from "../compare/result-validate.js";
import { fill } from "./fill.js";
import { formatCount, formatNs, formatPlural, printable } from "./quantity.js";
import { plainTable } from "./terminal.js";
import { whoIsWho } from "./who-is-who.js";

export function render(result: ValidateResult): string {
  const blocks = [
    problemsOf(result).map(printable),
    headingOf(result).map(printable),
    table("events", Object.entries(result.eventsByName)),
    table("unknown events, ignored", Object.entries(result.unknownEvents)),
    ...whoIsWho(result),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function problemsOf(result: ValidateResult): string[] {
  const problems = Object.entries(result.skippedByReason).map(
    ([reason, lines]) => `${formatPlural(lines, "bad line")}: ${reason}`,
  );
  if (result.truncatedAtByte !== null) {
    problems.push(`cut off: the data ends early, at byte ${formatCount(result.truncatedAtByte)}`);
  }
  if (result.lostEvents > 0) {
    problems.push(`lossy: the ring buffer lost ${formatPlural(result.lostEvents, "event")}`);
  }
  if (result.incompleteEpisodes > 0) {
    problems.push(
      `incomplete: ${formatPlural(result.incompleteEpisodes, "episode")} without beginning or end`,
    );
  }
  return [...problems, ...result.caveats.map(({ text }) => `contradicted: ${text}`)];
}

function headingOf(result: ValidateResult): string[] {
  const header = Object.entries(result.header ?? {}).filter(([key]) => key !== "name");
  return [
    `trace    ${result.source}: ${result.usable ? "well-formed" : "malformed (a replay needs --lenient)"}`,
    ...fill(
      "header   ",
      result.header === null ? ["none"] : header.map(([key, value]) => `${key} ${value}`),
      ", ",
    ),
    `extent   ${formatPlural(result.events, "event")} in ${formatPlural(result.lines, "line")} over ${formatNs(result.durationNs)}`,
    `machine  ${formatPlural(result.vms, "VM")}, ${formatPlural(result.vcpus, "vCPU")}`,
  ];
}

function table(title: string, counts: readonly (readonly [string, number])[]): string[] {
  if (counts.length === 0) return [];
  const rows = plainTable(["left", "right"]);
  for (const [name, count] of counts) rows.push([`  ${printable(name)}`, formatCount(count)]);
  return [title, ...rows.toString().split("\n")];
}
