import { sizeText } from "../stage2/address-text.js";
import type { WalkEvent } from "./event-log.js";

type Visit = Extract<WalkEvent, readonly ["pre" | "post" | "leaf", ...unknown[]]>;
type Store = Extract<WalkEvent, readonly ["st", ...unknown[]]>;

/** What a walker does at an entry other than storing to it. */
export type Action = Exclude<WalkEvent, Visit | Store>;

const putNames = { put: "put", fp: "free_page", fpx: "free_pages_exact" } as const;

/** Describes the action. `kind` is the same text without the values in which another walker may differ. */
export function actionText(action: Action): { readonly text: string; readonly kind: string } {
  switch (action[0]) {
    case "get":
      return { text: `get p${action[1]} -> ${action[2]}`, kind: `get p${action[1]}` };
    case "put":
    case "fp":
    case "fpx": {
      const text = `${putNames[action[0]]} p${action[1]} -> ${action[2]}`;
      return { text: action[2] === 0 ? `${text}, freed` : text, kind: `put p${action[1]}` };
    }
    case "free":
      return { text: `p${action[1]} is free`, kind: "free" };
    case "alloc":
      return { text: `new table p${action[1]}`, kind: "alloc" };
    case "enomem":
      return { text: "the memory cache is empty", kind: "alloc" };
    case "tlbi_vmid":
      return { text: "TLBI whole VMID", kind: "flush" };
    case "tlbi_ipa":
      return { text: `TLBI ${action[1]}, ${levelText(action[2])}`, kind: "flush" };
    case "tlbi_ipa_nsh":
      return { text: `TLBI ${action[1]}, ${levelText(action[2])}, this CPU only`, kind: "flush" };
    case "tlbi_range":
      return { text: `TLBI ${action[1]}, ${action[2].toLocaleString("en-US")} pages`, kind: "flush" };
    case "dc":
      return { text: `clean D-cache ${action[1]}, ${sizeText(Number(action[2]))}`, kind: "dc" };
    case "ic":
      return { text: `invalidate I-cache ${action[1]}, ${sizeText(Number(action[2]))}`, kind: "ic" };
    case "dsb":
      return { text: "DSB ishst", kind: "dsb" };
    case "rcu_defer":
      return { text: `RCU: free table p${action[1]} later`, kind: "rcu_defer" };
    case "rcu_run":
      return { text: `RCU: table p${action[1]} is torn down (IPAs from its base)`, kind: "rcu_run" };
  }
}

function levelText(level: number | "unk"): string {
  return level === "unk" ? "any level" : `level ${level}`;
}
