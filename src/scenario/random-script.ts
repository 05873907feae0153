import { hex } from "../stage2/address-text.js";
import { parseScripts, type Script } from "./script.js";

const PAGE = 2 ** 12;
const BLOCK = 2 ** 21;
const GIB = 2 ** 30;
const IPA_LIMIT = 2 ** 40;
/** Offset of a guest's physical memory from its IPA. */
const PHYS_OFFSET = 0x10_0000_0000;

/**
 * A scenario of random operations in a small address range, so that they affect each other: maps of pages, blocks and
 * 1 GiB, aligned or not; blocks that are write-protected, mapped page by page and mapped again (as dirty logging does);
 * unmaps that cut blocks; memory caches that run out. FWB and TLBI by range are random too.
 * @param random returns numbers in [0, 1)
 */
export function randomScript(name: string, random: () => number): Script {
  const world = new World(random);
  const lines = [`S ${name} fwb=${world.below(2)} range=${world.below(2)}`];
  for (let steps = 6 + world.below(26); steps > 0; steps--) lines.push(...world.step());
  lines.push("destroy");
  return parseScripts(lines.join("\n"), name)[0] as Script;
}

class World {
  private readonly regions: readonly number[];

  constructor(private readonly random: () => number) {
    const regions = [GIB, 2 * GIB, 3 * GIB, IPA_LIMIT / 2, IPA_LIMIT - GIB];
    this.regions = [this.pick(regions), this.pick(regions)];
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  step(): string[] {
    const kind = this.random();
    if (kind < 0.45) return [this.map()];
    if (kind < 0.65) return this.logging();
    if (kind < 0.78) return [`unmap ${this.range()}`];
    if (kind < 0.84) return [`wp ${this.range()}`];
    if (kind < 0.88) return [`flush ${this.range()}`];
    if (kind < 0.93) return [`relax ${hex(this.page())} ${this.pick(["r", "w", "x", "rw", "rwx"])}`];
    return [`${this.pick(["young", "old", "isyoung"])} ${hex(this.page())}`];
  }

  private map(): string {
    if (this.below(8) === 0) return mapLine(this.pick(this.regions), GIB, this.prot());
    if (this.below(3) === 0) return mapLine(this.block(), this.pick([BLOCK, BLOCK, 2 * BLOCK]), this.prot());
    const bytes = this.pick([1, 1, 1, 2, 8, 16]) * PAGE;
    const ipa = Math.min(this.page(), IPA_LIMIT - bytes);
    // Memory that is shifted against its IPA cannot be part of a block.
    const shift = this.below(12) === 0 ? PAGE : 0;
    const cache = this.below(10) === 0 ? ` ${this.below(4)}` : "";
    return mapLine(ipa, bytes, this.prot(), shift) + cache;
  }

  /** A block under dirty logging: it is split, some of its pages are mapped, and it is mapped whole again. */
  private logging(): string[] {
    const isHuge = this.below(6) === 0;
    const base = isHuge ? this.pick(this.regions) : this.block();
    const bytes = isHuge ? GIB : BLOCK;
    const lines = [`wp ${hex(base)} ${hex(bytes)}`];
    if (this.below(2) === 0) lines.unshift(mapLine(base, bytes, "rwx"));
    for (let pages = 1 + this.below(5); pages > 0; pages--)
      lines.push(mapLine(base + this.below(bytes / PAGE) * PAGE, PAGE, this.prot()));
    if (this.below(5) > 0) lines.push(mapLine(base, bytes, this.prot()));
    return lines;
  }

  private range(): string {
    const bytes = this.pick([PAGE, 4 * PAGE, 64 * PAGE, BLOCK - PAGE, BLOCK, BLOCK + PAGE, 3 * BLOCK, GIB]);
    const start = bytes === GIB ? this.pick(this.regions) : this.below(3) === 0 ? this.page() : this.block();
    return `${hex(Math.min(start, IPA_LIMIT - bytes))} ${hex(bytes)}`;
  }

  private block(): number {
    return this.pick(this.regions) + this.pick([0, 0, 1, 2, 510]) * BLOCK;
  }

  private page(): number {
    return this.block() + this.pick([0, 0, 1, 2, 3, 255, 510, 511]) * PAGE;
  }

  private prot(): string {
    return this.pick(["rwx", "rwx", "rwx", "rw", "rw", "rx", "r", "rwd"]);
  }

  private pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }
}

function mapLine(ipa: number, bytes: number, prot: string, shift = 0): string {
  return `map ${hex(ipa)} ${hex(bytes)} ${hex(PHYS_OFFSET + ipa + shift)} ${prot}`;
}
