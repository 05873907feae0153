import type { SlotChange } from "./vm.js";

/** What cut the trace. */
export type BarrierCause = "marker" | "memslot" | "write-protect" | "gap" | "silence" | "loss" | "end";

/** A point that no activity crosses: it cuts the trace into epochs. */
export interface Barrier {
  readonly cause: BarrierCause;
  /** Of the epoch that begins here; the trace begins in epoch 0. */
  readonly number: number;
  readonly atNs: number;
  /** From the last recorded end of an activity before the barrier to the barrier, or from the barrier before it; ns. */
  readonly idleNs: number;
  /** Label of the epoch that starts here; undefined where nothing names it. */
  readonly label: string | undefined;
  /** The epoch that ends here has its end marker: its makespan is measured up to here, not to the last activity. */
  readonly closes: boolean;
  /** Index of the VM that it cuts; -1 = all of them. */
  readonly vm: number;
  readonly slotChange: SlotChange | undefined;
  /** Past it the tables are unknown: tracing was off, or events were lost. */
  readonly tablesUnknown: boolean;
}
