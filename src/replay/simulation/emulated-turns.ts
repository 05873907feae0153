/** From one timer tick of the recorded kernels to the next (CONFIG_HZ=250). */
const TICK_NS = 4_000_000;
/** As good as none: a lap or two of who retries. */
const SHORT_NS = 4_000;

/**
 * How long a CPU of an emulated machine runs whose one thread takes them in turn (QEMU, icount), if it neither waits
 * before that nor makes the others flush their TLBs, which ends a turn too. A turn is a CPU's share of the time to the
 * next timer tick: on the recorded machine, of five, a fifth, to 1 % (vCPUs that retry in the 6.12.117 recordings:
 * 602 us 3,000 us before a tick, 446 us 2,237 us before it). Where ticks lie the trace does not say.
 *
 * Between two turns of a lock's holder only one of the others uses a whole turn up; what of the emulator cuts the rest
 * short is not known. In the 6.12.117 recording with 4 vCPUs somebody retries more than twice in 17 windows: in 16 of
 * them it is one vCPU. In the one window of the 1 GiB recording three took 7,185, 434 and 355 laps.
 */
export class EmulatedTurns {
  private isHolderOut = false;
  private isUsedUp = false;

  /** @param cpus of the emulated machine */
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

  /** An interrupted holder goes on. */
  resumed(): void {
    this.isHolderOut = this.isUsedUp = false;
  }
}
