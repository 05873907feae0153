/** Descriptions of episodes. */

import { hex, sizeText } from "../../../stage2/address-text.js";
import {
  FaultClass,
  faultClass,
  faultLevel,
  isExec,
  isGuestTableWalk,
  isWrite,
} from "../../../stage2/esr.js";
import { formatNs } from "../../quantity.js";
import type { Model, PageSide } from "./model.js";
import type { Picked } from "./selection.js";

const classes: Readonly<Record<number, string>> = {
  [FaultClass.translation]: "translation fault",
  [FaultClass.accessFlag]: "access flag fault",
  [FaultClass.permission]: "permission fault",
  [FaultClass.external]: "external abort",
  [FaultClass.tlbConflict]: "TLB conflict abort",
  [FaultClass.other]: "other status",
};

/** `translation fault, level 3`. */
export function classText(kind: number, level: number): string {
  return `${classes[kind] ?? "no abort"}${level >= -1 ? `, level ${level}` : ""}`;
}

/** The fields of ESR_EL2 as recorded. */
export function esrTexts(esr: number): [string, string][] {
  if (esr === 0) return [["ESR_EL2", "not recorded: the replay alone has this access"]];
  const ec = Math.floor(esr / 2 ** 26) % 64;
  const names: Record<number, string> = {
    32: "instruction abort from a lower EL",
    36: "data abort from a lower EL",
  };
  const status = esr % 64;
  return [
    ["ESR_EL2", hex(esr)],
    ["EC", `${hex(ec)}, ${names[ec] ?? "none of a guest's aborts"}`],
    [isExec(esr) ? "IFSC" : "DFSC", `${hex(status)}, ${classText(faultClass(esr), faultLevel(esr))}`],
    ["WnR", isExec(esr) ? "- (instruction fetch)" : isWrite(esr) ? "1, write" : "0, read"],
    ["S1PTW", isGuestTableWalk(esr) ? "1, the guest's own table walk" : "0"],
  ];
}

/** A time of a side, marked if some of the side's times are modelled. */
export function timeText({ mark }: PageSide, ns: number): string {
  return `${ns > 0 ? mark : ""}${formatNs(ns)}`;
}

export function operationText({ facts }: Model, side: PageSide, row: number): string {
  const of = side.episodes;
  const kind = of.operation[row]!;
  if (kind < 0) return "none";
  const what = of.windows[row]! > 0 ? ", coalesce" : of.splits[row]! > 0 ? ", split" : "";
  const more = of.operations[row]! > 1 ? `, the last of ${of.operations[row]}` : "";
  const bytes = of.operationBytes[row]!;
  return `${facts.operations[kind]} ${hex(of.ipa[row]! + of.operationOffset[row]!)}, ${sizeText(bytes)}${what}${more}`;
}

/** Describes an episode in one paragraph, for the tooltip. */
export function episodeText(model: Model, { side: index, row }: Picked): string {
  const side = model.sides[index]!;
  const of = side.episodes;
  const isFault = of.isFault[row] === 1;
  const what = isFault ? `${model.facts.causes[of.cause[row]!]}, IPA ${hex(of.ipa[row]!)}` : "host operation";
  const lines = [
    `${side.name}, ${model.facts.lanes[of.lane[row]!]!.name}: ${what}`,
    `${isFault ? "stall" : "took"} ${timeText(side, of.spanNs[row]!)}, of it lock wait ${timeText(side, of.lockWait[row]!)}`,
    operationText(model, side, row),
  ];
  if (of.windows[row]! > 0) lines.push(`window ${timeText(side, of.windowNs[row]!)}`);
  return lines.join("\n");
}
