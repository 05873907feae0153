import { NONE, type StringTable } from "../trace/event.js";
import { VmMemory } from "./vm.js";

/** The VMs of a trace as far as it has been folded. A VM's index is the order in which it was first seen. */
export class VmTable {
  /** Index of the VM, by interned page-table pointer (NONE = destroyed) and by interned explicit name. */
  private readonly byPgt: number[] = [];
  private readonly byName: number[] = [];
  /** Display names, by index. */
  readonly names: string[] = [];
  private readonly memories: VmMemory[] = [];
  private readonly openEpisodes: number[] = [];
  private readonly startedEpisodes: number[] = [];
  private readonly operationEndsNs: number[] = [];

  constructor(private readonly strings: StringTable) {}

  /** Number of VMs that took a fault. */
  get withFaults(): number {
    return this.startedEpisodes.reduce((sum, started) => sum + (started > 0 ? 1 : 0), 0);
  }

  /** The VM whose table this pointer names; a new one at first sight. */
  ofPgt(pgt: number): number {
    const vm = this.byPgt[pgt] ?? NONE;
    return vm >= 0 ? vm : this.add(this.byPgt, pgt, this.strings.text(pgt));
  }

  /** The VM that events call by this name. */
  named(name: number): number {
    const vm = this.byName[name] ?? NONE;
    return vm >= 0 ? vm : this.add(this.byName, name, this.strings.text(name));
  }

  /** A VM that nothing names yet. */
  unnamed(): number {
    return this.add([], 0, "?");
  }

  /** The table is gone: a pointer of the same value is another VM's from now on. */
  destroy(vm: number): void {
    const pgt = this.byPgt.indexOf(vm);
    if (pgt >= 0) this.byPgt[pgt] = NONE;
  }

  memory(vm: number): VmMemory | undefined {
    return this.memories[vm];
  }

  hasOpenEpisode(vm: number): boolean {
    return (this.openEpisodes[vm] as number) > 0;
  }

  /** @returns the number of episodes begun, this one included */
  beginEpisode(vm: number): number {
    this.openEpisodes[vm] = (this.openEpisodes[vm] as number) + 1;
    const started = this.episodes(vm) + 1;
    this.startedEpisodes[vm] = started;
    return started;
  }

  endEpisode(vm: number): void {
    this.openEpisodes[vm] = Math.max(0, (this.openEpisodes[vm] as number) - 1);
  }

  /** Episodes begun so far. */
  episodes(vm: number): number {
    return this.startedEpisodes[vm] as number;
  }

  endOperation(vm: number, atNs: number): void {
    if (vm >= 0) this.operationEndsNs[vm] = atNs;
  }

  /** When the VM's last operation returned; -Infinity before the first. */
  lastOperationNs(vm: number): number {
    return this.operationEndsNs[vm] ?? Number.NEGATIVE_INFINITY;
  }

  private add(index: number[], id: number, name: string): number {
    const vm = this.memories.length;
    while (index.length <= id) index.push(NONE);
    index[id] = vm;
    this.names.push(name);
    this.memories.push(new VmMemory());
    this.openEpisodes.push(0);
    this.startedEpisodes.push(0);
    this.operationEndsNs.push(Number.NEGATIVE_INFINITY);
    return vm;
  }
}
