import { gzipSync } from "node:zlib";

/** Text for a file, handed on in pieces of about this many characters. */
const pieceLength = 64 * 1024;
/** Of text that is packed. */
const packedLength = 1024 * 1024;

/** Collects text. Packed, each piece is a gzip member of its own (RFC 1952, 2.2): as a file they are one text. */
export class Pieces {
  private piece = "";

  constructor(
    private readonly write: (piece: string | Uint8Array) => void,
    private readonly isPacked = false,
  ) {}

  add(text: string): void {
    this.piece += text;
    if (this.piece.length >= (this.isPacked ? packedLength : pieceLength)) this.flush();
  }

  flush(): void {
    this.write(this.isPacked ? gzipSync(this.piece) : this.piece);
    this.piece = "";
  }
}
