/** Shows what is known of the selected episode, and what held the lock before and after it. */

import { hex } from "../../../stage2/address-text.js";
import { formatChange, formatCount } from "../../quantity.js";
import { byId, element } from "./dom.js";
import type { Model, PageSide } from "./model.js";
import type { Selection } from "./selection.js";
import { classText, episodeText, esrTexts, operationText, timeText } from "./words.js";

/** Number of lock holds shown before and after. */
const around = 5;
const costNames = [
  "exit",
  "handler",
  "lockWait",
  "retry",
  "cpuWait",
  "walk",
  "tlbi",
  "clean",
  "teardown",
] as const;

export class Details {
  private readonly pane = element("div", { className: "details", id: "details" });

  /** What a screen reader says on a selection; the whole pane would be too much. */
  private readonly said = element("p", { className: "unseen" });

  constructor(
    private readonly model: Model,
    private readonly selection: Selection,
  ) {
    this.said.setAttribute("aria-live", "polite");
    byId("timeline").append(this.said, this.pane);
    selection.onChange(() => this.show());
    this.show();
  }

  private show(): void {
    const { picked } = this.selection;
    this.said.textContent = picked === undefined ? "" : episodeText(this.model, picked);
    if (picked === undefined) {
      this.pane.replaceChildren(
        element("p", { className: "note", textContent: "No episode is chosen: click one, or press n." }),
      );
      return;
    }
    const { model } = this;
    const side = model.sides[picked.side]!;
    const { row } = picked;
    const of = side.episodes;
    const lane = model.facts.lanes[of.lane[row]!]!;
    const isFault = of.isFault[row] === 1;
    const what = isFault ? model.facts.causes[of.cause[row]!]! : "host operation";
    this.pane.replaceChildren(
      element("h3", { textContent: `${what}, ${lane.name}, ${side.name}` }),
      element(
        "div",
        { className: "columns" },
        this.about(side, row),
        this.course(side, row),
        this.costs(side, row),
      ),
      ...this.log(side, row),
    );
  }

  private about(side: PageSide, row: number): HTMLElement {
    const of = side.episodes;
    const { facts } = this.model;
    const lane = facts.lanes[of.lane[row]!]!;
    const isFault = of.isFault[row] === 1;
    const epoch = facts.epochs[of.segment[row]!];
    const facts_: [string, string][] = [
      ["thread", lane.thread],
      ["VM", of.vm[row]! < 0 ? "unknown" : `${of.vm[row]}, ${facts.vms[of.vm[row]!] ?? ""}`],
      ["trace", `line ${formatCount(of.line[row]!)}`],
      ["epoch", epoch === undefined || epoch.label === "" ? "none named" : epoch.label],
      ["IPA", hex(of.ipa[row]!)],
      ...(isFault
        ? ([
            ["replayed abort", classText(of.faultClass[row]!, of.faultLevel[row]!)],
            ...esrTexts(of.esr[row]!),
            ["aborts of it", String(of.laps[row]!)],
          ] as [string, string][])
        : []),
      ["operation", operationText(this.model, side, row)],
      ...(of.counted[row] === 1
        ? []
        : ([["counted", "no: outside what was asked for"]] as [string, string][])),
    ];
    return list("What", facts_);
  }

  /** Steps of the episode, on the strategy's own clock. */
  private course(side: PageSide, row: number): HTMLElement {
    const of = side.episodes;
    const steps: [number, string][] = [];
    const isFault = of.isFault[row] === 1;
    const locked = of.lockedAfter[row]!;
    steps.push([0, isFault ? "access" : "asks for the lock"]);
    if (locked >= 0) {
      if (of.lockWait[row]! > 0)
        steps.push([Math.max(0, locked - of.lockWait[row]!), "waits for the MMU lock"]);
      steps.push([locked, "MMU lock held"], [locked + of.heldNs[row]!, "unlock"]);
    }
    if (of.windows[row]! > 0)
      steps.push([of.brokenAfter[row]!, "break"], [of.brokenAfter[row]! + of.windowNs[row]!, "install"]);
    if (of.teardownAfter[row]! >= 0)
      steps.push(
        [of.teardownAfter[row]!, "tear-down begins"],
        [of.teardownAfter[row]! + of.teardownNs[row]!, "last table freed"],
      );
    if (isFault) steps.push([of.spanNs[row]!, "re-entry"]);
    steps.sort((a, b) => a[0] - b[0]);
    const startNs = of.startNs[row]!;
    return list("When", [
      ["begins", `${side.mark}${exact(startNs)} on its clock`],
      ...steps.map(([ns, text]): [string, string] => [apartText(side, ns), text]),
    ]);
  }

  private costs(side: PageSide, row: number): HTMLElement {
    const of = side.episodes;
    const rows = costNames
      .map((cost, at): [string, number] => [this.model.facts.costs[at]!, of[cost][row]!])
      .filter(([, ns]) => ns > 0)
      .map(([label, ns]): [string, string] => [label, timeText(side, ns)]);
    const isFault = of.isFault[row] === 1;
    return list("Costs", [
      ...rows,
      [isFault ? "stall" : "from request to unlock", timeText(side, of.spanNs[row]!)],
    ]);
  }

  /** The operations under the same lock before and after the episode. */
  private log(side: PageSide, row: number): HTMLElement[] {
    const of = side.episodes;
    if (of.lockedAfter[row]! < 0) return [];
    const same = side.holds.get(of.vm[row]!)!;
    const at = same.indexOf(row);
    const body = element("tbody");
    for (const hold of same.slice(Math.max(0, at - around), at + around + 1)) {
      const ns = (after: number) => timeText(side, after);
      const apart = of.startNs[hold]! + of.lockedAfter[hold]! - of.startNs[row]! - of.lockedAfter[row]!;
      const cells = [
        formatCount(of.line[hold]!),
        this.model.facts.lanes[of.lane[hold]!]!.name,
        operationText(this.model, side, hold),
        apartText(side, apart),
        ns(of.heldNs[hold]!),
        of.windows[hold]! > 0 ? ns(of.windowNs[hold]!) : "",
      ];
      const line = element("tr", {}, ...cells.map((textContent) => element("td", { textContent })));
      if (hold === row) line.setAttribute("aria-current", "true");
      body.append(line);
    }
    const titles = ["line", "thread", "operation", "lock taken", "held", "window"];
    const head = element(
      "thead",
      {},
      element("tr", {}, ...titles.map((textContent) => element("th", { textContent }))),
    );
    const table = element(
      "div",
      { className: "scroll", tabIndex: 0 },
      element("table", { className: "log" }, head, body),
    );
    table.setAttribute("role", "region");
    table.setAttribute("aria-label", "Operations around it");
    return [element("h4", { textContent: "Operations under the lock around it" }), table];
  }
}

function list(title: string, facts: readonly (readonly [string, string])[]): HTMLElement {
  const items = facts.flatMap(([name, text]) => [
    element("dt", { textContent: name }),
    element("dd", { textContent: text }),
  ]);
  return element("div", {}, element("h4", { textContent: title }), element("dl", {}, ...items));
}

/** `~+15.7 us`. */
function apartText({ mark }: PageSide, ns: number): string {
  return ns === 0 ? "0" : `${mark}${formatChange(ns, "ns")}`;
}

/** Formats all digits: `342,118.204 us`. */
function exact(ns: number): string {
  return `${formatCount(Math.floor(ns / 1000))}.${String(ns % 1000).padStart(3, "0")} us`;
}
