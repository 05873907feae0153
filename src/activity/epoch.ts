import type { SlotChange } from "./vm.js";

/** What caused the barrier. */
export type BarrierCause = "marker" | "memslot" | "write-protect" | "gap" | "silence" | "loss" | "end";

/** A point that cuts the trace into epochs. */
export interface Barrier {
  readonly cause: BarrierCause;
  /** Number of the epoch that begins here; the trace begins in epoch 0. */
  readonly number: number;
  readonly atNs: number;
  /** Time from the last recorded end of an activity, or from the previous barrier if later, to the barrier; ns. */
  readonly idleNs: number;
  /** Label of the epoch that starts here; undefined if it has none. */
  readonly label: string | undefined;
  /** The epoch that ends here has an end marker: its makespan is measured up to here, not to the last activity. */
  readonly closes: boolean;
  /** Index of the VM that it applies to; -1 = all of them. */
  readonly vm: number;
  readonly slotChange: SlotChange | undefined;
  /** After it the tables are unknown: tracing was off, or events were lost. */
  readonly tablesUnknown: boolean;
}
