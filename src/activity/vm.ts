/** What the trace shows about one VM's memory: its slots, and where dirty logging is on. */

export interface MemorySlot {
  readonly slot: number;
  readonly start: number;
  readonly end: number;
  readonly logging: boolean;
  /** Size of the host pages behind it, from its memslot line, else from the largest map seen in it; 0 = unknown. */
  mapBytes: number;
}

/** KVM_SET_USER_MEMORY_REGION as recorded; `bytes` 0 deletes the slot. */
export interface SlotChange {
  readonly slot: number;
  readonly start: number;
  readonly bytes: number;
  readonly logging: boolean;
  /** Size of the host pages behind it; NaN if the line does not say. */
  readonly pageBytes: number;
}

export class VmMemory {
  readonly slots: MemorySlot[] = [];
  /** Memory was mapped outside the slots that the trace shows: there are others, set before it began. */
  isPartial = false;
  /** Ranges write-protected where no memslot line shows logging: on until a map of a block shows that it is off. */
  private readonly inferredLogging: { start: number; end: number }[] = [];

  /** Whether `ipa` is guest memory; undefined if the trace does not show all slots. */
  isMemory(ipa: number): boolean | undefined {
    if (this.slotAt(ipa) !== undefined) return true;
    return this.slots.length === 0 || this.isPartial ? undefined : false;
  }

  /** Memory was mapped at `ipa`, while slots are known. */
  noteMemory(ipa: number): void {
    if (this.slotAt(ipa) === undefined) this.isPartial = true;
  }

  /** Number of the slot that holds `ipa`, or undefined. */
  slotNumber(ipa: number): number | undefined {
    return this.slotAt(ipa)?.slot;
  }

  isLogging(ipa: number): boolean {
    const slot = this.slotAt(ipa);
    if (slot !== undefined) return slot.logging;
    for (const range of this.inferredLogging) if (ipa >= range.start && ipa < range.end) return true;
    return false;
  }

  change(to: SlotChange): void {
    const at = this.slots.findIndex(({ slot }) => slot === to.slot);
    const known = at >= 0 ? (this.slots[at] as MemorySlot).mapBytes : 0;
    if (at >= 0) this.slots.splice(at, 1);
    const { slot, start, bytes, logging, pageBytes } = to;
    const mapBytes = Number.isNaN(pageBytes) ? known : pageBytes;
    if (bytes > 0) this.slots.push({ slot, start, end: start + bytes, logging, mapBytes });
  }

  noteWriteProtect(start: number, end: number): void {
    if (this.slotAt(start) === undefined) this.inferredLogging.push({ start, end });
  }

  /** A map of `bytes` at `start` was seen: that is the host's page size there. */
  noteMap(start: number, bytes: number): void {
    const slot = this.slotAt(start);
    if (slot !== undefined && bytes > slot.mapBytes) slot.mapBytes = bytes;
  }

  /** Size of the map that resolves a fault at `ipa`: the slot's host page size, but one page while logging. */
  mapBytes(ipa: number, pageBytes: number): number {
    const slot = this.slotAt(ipa);
    if (slot === undefined || slot.logging || slot.mapBytes <= pageBytes) return pageBytes;
    const base = ipa - (ipa % slot.mapBytes);
    return base >= slot.start && base + slot.mapBytes <= slot.end ? slot.mapBytes : pageBytes;
  }

  /** End of the memory from `ipa` on that is in one slot; `ipa` if that is unknown. */
  alikeUpTo(ipa: number): number {
    if (this.slots.length === 0 && this.inferredLogging.length === 0) return Number.POSITIVE_INFINITY;
    return this.slotAt(ipa)?.end ?? ipa;
  }

  noteBlockMap(start: number): void {
    const at = this.inferredLogging.findIndex((range) => start >= range.start && start < range.end);
    if (at >= 0) this.inferredLogging.splice(at, 1);
  }

  /** Whether `[start, end)` covers a whole slot; true if no slot is known there. */
  coversSlot(start: number, end: number): boolean {
    const slot = this.slotAt(start);
    return slot === undefined || (start <= slot.start && end >= slot.end);
  }

  private slotAt(ipa: number): MemorySlot | undefined {
    for (const slot of this.slots) if (ipa >= slot.start && ipa < slot.end) return slot;
    return undefined;
  }
}
