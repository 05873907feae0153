import { FIRST_UNIFORM_PAGE } from "../stage2/uniform-pages.js";

/** What is known about an entry apart from its value. */
export const SlotFlag = {
  /** The entry's content is known: the replay stored it, or created its table. */
  known: 1,
  /** It was valid at some time. */
  wasValid: 2,
  /** Its table was created by a split, or is below such a table. */
  bornOfSplit: 4,
} as const;

/** The flags of every entry of one table, by slot. A uniform page has common flags until one of its entries differs. */
export class SlotFlags {
  private flags = new Uint8Array(4096);
  private readonly uniform: number[] = [];
  private readonly own = new Map<number, Uint8Array>();
  private readonly uniformSlot: number;

  constructor(private readonly entries: number) {
    this.uniformSlot = FIRST_UNIFORM_PAGE * entries;
  }

  of(slot: number): number {
    if (slot >= this.uniformSlot) return this.ofUniform(slot);
    return slot < this.flags.length ? (this.flags[slot] as number) : 0;
  }

  add(slot: number, flags: number): void {
    if (slot >= this.uniformSlot) {
      const all = this.of(slot) | flags;
      if (all !== this.of(slot)) this.ownOf(slot)[slot % this.entries] = all;
      return;
    }
    this.reserve(slot + 1);
    this.flags[slot] = (this.flags[slot] as number) | flags;
  }

  /** Makes every entry's content unknown. */
  forget(): void {
    const known = (flags: number) => flags & ~SlotFlag.known;
    for (const flags of [this.flags, ...this.own.values()])
      for (let n = 0; n < flags.length; n++) flags[n] = known(flags[n] as number);
    for (let n = 0; n < this.uniform.length; n++) this.uniform[n] = known(this.uniform[n] as number);
  }

  /** Sets the flags of entries [slot, slot + count), all in one page; all of the page if it is uniform. */
  fill(slot: number, count: number, flags: number): void {
    if (slot >= this.uniformSlot) {
      this.uniform[this.uniformIndex(slot)] = flags;
      this.own.delete(this.uniformIndex(slot));
      return;
    }
    this.reserve(slot + count);
    this.flags.fill(flags, slot, slot + count);
  }

  private ofUniform(slot: number): number {
    const index = this.uniformIndex(slot);
    const own = this.own.size > 0 ? this.own.get(index) : undefined;
    return own === undefined ? (this.uniform[index] ?? 0) : (own[slot % this.entries] as number);
  }

  private ownOf(slot: number): Uint8Array {
    const index = this.uniformIndex(slot);
    let own = this.own.get(index);
    if (own === undefined) {
      own = new Uint8Array(this.entries).fill(this.uniform[index] ?? 0);
      this.own.set(index, own);
    }
    return own;
  }

  private uniformIndex(slot: number): number {
    return Math.floor(slot / this.entries) - FIRST_UNIFORM_PAGE;
  }

  private reserve(slots: number): void {
    if (slots <= this.flags.length) return;
    const grown = new Uint8Array(Math.max(slots, this.flags.length * 2));
    grown.set(this.flags);
    this.flags = grown;
  }
}
