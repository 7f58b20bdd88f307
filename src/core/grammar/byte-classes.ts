/** Classes of bytes that a grammar never tells apart: one byte of each stands for all of them. */

/** Bytes that tables read: those of a number. */
const NUMERIC = [..."0123456789-+.eE"].map((char) => char.charCodeAt(0));

export class ByteClasses {
  /** The class of each byte. */
  readonly of: Uint8Array = new Uint8Array(256);
  /** One byte of each class. */
  samples: readonly number[] = [0];
  /** How many bytes each class has. */
  sizes: readonly number[] = [256];

  /** Tells the bytes for which `key` differs apart from now on. */
  split(key: (byte: number) => number): void {
    const known = new Map<number, number>();
    const samples: number[] = [];
    const sizes: number[] = [];
    for (let byte = 0; byte < 256; byte++) {
      const own = this.of[byte]! * 512 + key(byte);
      const number = known.get(own) ?? samples.push(byte) - 1;
      known.set(own, number);
      this.of[byte] = number;
      sizes[number] = (sizes[number] ?? 0) + 1;
    }
    this.samples = samples;
    this.sizes = sizes;
  }

  /** Tells the bytes of numbers apart, each of which a table reads in its own way. */
  splitNumeric(): void {
    this.split((byte) => (NUMERIC.includes(byte) ? byte : 256));
  }

  /** Tells one byte from all others. */
  splitOff(byte: number): void {
    if (this.sizes[this.of[byte]!]! > 1) this.split((other) => (other === byte ? 1 : 0));
  }
}
