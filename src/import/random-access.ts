/** A recording that is read here and there: the file itself, or a copy of what is packed or comes through a pipe. */

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ByteSource, DataEnd } from "../trace/byte-source.js";

const COPY_BYTES = 1024 * 1024;

export class RandomAccess {
  /** Behind the last byte that was read. */
  readBytes = 0;

  private constructor(
    private readonly handle: FileHandle,
    readonly size: number,
    /** Why the copy stops early, where the packed data did. */
    readonly dataEnd: DataEnd | undefined,
  ) {}

  static async file(path: string): Promise<RandomAccess> {
    const handle = await open(path, "r");
    return new RandomAccess(handle, (await handle.stat()).size, undefined);
  }

  /** Reads the source to its end. */
  static async copy(source: ByteSource): Promise<RandomAccess> {
    const folder = await mkdtemp(join(tmpdir(), "s2replay-"));
    let handle: FileHandle;
    try {
      handle = await open(join(folder, "recording"), "wx+", 0o600);
    } finally {
      // Its name goes at once: whatever ends the program, the copy is gone.
      await rm(folder, { recursive: true, force: true });
    }
    const buffer = Buffer.allocUnsafe(COPY_BYTES);
    let size = 0;
    try {
      for (let count = await source.read(buffer, 0); count > 0; count = await source.read(buffer, 0)) {
        await handle.write(buffer, 0, count, size);
        size += count;
      }
      return new RandomAccess(handle, size, undefined);
    } catch (error) {
      if (error instanceof DataEnd) return new RandomAccess(handle, size, error);
      await handle.close();
      throw error;
    }
  }

  /** Reads up to `length` bytes from `position` on into `into` at `at`; fewer only at the end of the file. */
  async read(into: Buffer, at: number, length: number, position: number): Promise<number> {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.handle.read(into, at + filled, length - filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    this.readBytes = Math.max(this.readBytes, position + filled);
    return filled;
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}
