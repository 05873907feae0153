/** 64-bit FNV-1a, the hash of the golden files, computed in two 32-bit halves. */
export class Fnv64 {
  private lo = 0;
  private hi = 0;

  constructor() {
    this.reset();
  }

  reset(): void {
    this.lo = 0x84222325 | 0;
    this.hi = 0xcbf29ce4 | 0;
  }

  add(bytes: Uint8Array, count: number): void {
    let { lo, hi } = this;
    // The prime is 2^40 + 435: h * prime = h * 435 + (h << 40), modulo 2^64.
    for (let i = 0; i < count; i++) {
      lo ^= bytes[i]!;
      const carry = ((lo >>> 16) * 435 + (((lo & 0xffff) * 435) >>> 16)) >>> 16;
      hi = (Math.imul(hi, 435) + carry + (lo << 8)) | 0;
      lo = Math.imul(lo, 435);
    }
    this.lo = lo;
    this.hi = hi;
  }

  /** 16 hex digits. */
  digest(): string {
    return hexWord(this.hi) + hexWord(this.lo);
  }
}

function hexWord(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
