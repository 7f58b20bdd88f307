/** Where bytes come from: a file, an asset, a buffer. Readers take a ByteSource, never a path. */
export interface ByteSource {
  /** What to call it in an error message. */ readonly name: string;
  /** Total bytes. */ readonly size: number;
  /** Exactly `length` bytes from `offset`. Rejects with `truncated` if the source ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}
