/** Time between two timer ticks of the recorded kernels (CONFIG_HZ=250). */
const TICK_NS = 4_000_000;
/** Next to nothing: a lap or two of a retrying vCPU. */
const SHORT_NS = 4_000;

/**
 * The turns of an emulated machine's CPUs, which its one thread runs one after the other (QEMU, icount). A CPU's turn
 * ends early if it waits, or makes the others flush their TLBs. A full turn is a CPU's share of the time to the next
 * timer tick: on the recorded machine with five, a fifth, to within 1 % (vCPUs that retry in the 6.12.117 recordings:
 * 602 us 3,000 us before a tick, 446 us 2,237 us before it). The trace does not show where ticks are.
 *
 * Between two turns of a lock's holder, only one other vCPU uses a whole turn; what in the emulator cuts the others
 * short is not known. In the 6.12.117 recording with 4 vCPUs, vCPUs retry more than twice in 17 windows: in 16 of them
 * it is one vCPU. In the one window of the 1 GiB recording three vCPUs took 7,185, 434 and 355 laps.
 */
export class EmulatedTurns {
  private isHolderOut = false;
  private isUsedUp = false;

  /** @param cpus number of CPUs of the emulated machine */
  constructor(private readonly cpus: number) {}

  /** When a turn that begins at `atNs` ends. */
  endNs(atNs: number): number {
    if (this.isUsedUp) return atNs + SHORT_NS;
    return atNs + Math.max(SHORT_NS, Math.round((TICK_NS - (atNs % TICK_NS)) / this.cpus));
  }

  /** A turn ended before its CPU had to wait. */
  ended(isHolder: boolean): void {
    this.isUsedUp = this.isHolderOut && !isHolder;
    if (isHolder) this.isHolderOut = true;
  }

  /** An interrupted holder resumes. */
  resumed(): void {
    this.isHolderOut = this.isUsedUp = false;
  }
}
