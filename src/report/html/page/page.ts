/** The page's script: unpacks the data and draws the interactive figures. */

import type { PageFacts } from "../page-data.js";
import { AddressMap } from "./address-map.js";
import { Controls } from "./controls.js";
import { Details } from "./details.js";
import { Distribution } from "./distribution.js";
import { byId, element } from "./dom.js";
import { Model, unpack } from "./model.js";
import { Selection } from "./selection.js";
import { startTheme } from "./theme.js";
import { Timeline } from "./timeline.js";
import { View } from "./view.js";
import { episodeText } from "./words.js";

async function start(): Promise<void> {
  const facts = JSON.parse(byId("facts").textContent!) as PageFacts;
  const model = new Model(facts, await unpack(byId("data").textContent!));
  const root = document.documentElement;
  const retint: (() => void)[] = [];
  if (facts.counts.some((of) => of.episodes + of.bins + of.repetitions > 0)) {
    const view = new View();
    const selection = new Selection();
    const controls = new Controls(model, view);
    const timeline = new Timeline(model, view, selection, (picked) => episodeText(model, picked));
    addEventListener("beforeprint", () => timeline.setHeight("none"));
    addEventListener("afterprint", () => timeline.setHeight("75vh"));
    controls.onWords((words) => timeline.setWords(words));
    new Details(model, selection);
    controls.begin();
    timeline.paintNow();
    root.dataset.drawn = "timeline";
    await nextFrame();
    const map = new AddressMap(model, view, selection);
    map.paintNow();
    retint.push(
      () => controls.retint(),
      () => timeline.retint(),
      () => map.retint(),
    );
  } else
    for (const id of ["timeline", "map"])
      byId(id).append(
        element("p", { textContent: "Nothing to draw: no fault and no operation was replayed." }),
      );
  const distribution = new Distribution(model);
  retint.push(() => distribution.draw());
  startTheme(() => {
    for (const draw of retint) draw();
  });
  root.dataset.drawn = "all";
}

/** Lets the timeline be displayed before the rest is drawn. */
function nextFrame(): Promise<void> {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
  });
}

void start();
