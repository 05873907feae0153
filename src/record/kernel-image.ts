/**
 * Kernel images whose walker was disassembled: where stage2_map_walker breaks a table's entry, and where it has stored
 * the block. An instruction offset holds for one build only, so both `uname -r` and `uname -v` must be the same.
 */

export interface KernelImage {
  /** `uname -r`. */
  readonly release: string;
  /** `uname -v`. */
  readonly build: string;
  /** SYMBOL+OFFSET and what to fetch there, in the words of kprobe_events. */
  readonly break: string;
  readonly install: string;
}

export const kernelImages: readonly KernelImage[] = [
  {
    release: "5.10.0-32-arm64",
    build: "#1 SMP Debian 5.10.223-1 (2024-08-10)",
    break: "stage2_map_walker+0x188 addr=%x23:x64 level=%x21:s32 ptep=%x20:x64",
    install: "stage2_map_walker+0x144 addr=%x23:x64 level=%x21:s32 ptep=%x20:x64",
  },
  {
    // This build keeps no register with the address; it is that of the s2_map around it.
    release: "6.1.0-56-arm64",
    build: "#1 SMP Debian 6.1.192-2 (2026-11-16)",
    break: "stage2_map_walker+0x158 ptep=%x20:x64",
    install: "stage2_map_walker+0x1bc ptep=%x20:x64",
  },
];
