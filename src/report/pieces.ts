import { gzipSync } from "node:zlib";

/** Text is passed on to a file in pieces of about this many characters. */
const pieceLength = 64 * 1024;
/** The same for text that is compressed. */
const packedLength = 1024 * 1024;

/** Collects text. If compressed, each piece is a gzip member (RFC 1952, 2.2); as a file they form one text. */
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
