/** Where bytes come from: a file, an asset, a buffer. Readers take a ByteSource, never a path. */
import { OutriderError } from "../model/errors.ts";

export interface ByteSource {
  /** What to call it in an error message. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`. Rejects with `truncated` if the source ends before. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens one file of a checkpoint or pack by its name. Rejects with `not_found` if there is none. */
export type OpenFile = (name: string) => Promise<ByteSource>;

/** The file, or undefined if there is none. */
export async function openIfThere(open: OpenFile, name: string): Promise<ByteSource | undefined> {
  try {
    return await open(name);
  } catch (error) {
    if (error instanceof OutriderError && error.code === "not_found") return undefined;
    throw error;
  }
}

/** Bytes that are already in memory. */
export function bytesSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

/** Throws `truncated` unless [offset, offset + length) lies inside a source of `size` bytes. */
export function checkRange(name: string, size: number, offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
    throw new OutriderError("truncated", `${name}: cannot read ${length} bytes at byte ${offset}`);
  }
  if (offset + length > size) {
    throw new OutriderError(
      "truncated",
      `${name}: ${length} bytes at byte ${offset} reach past its end at byte ${size}; ` +
        "the file is incomplete, fetch it again",
    );
  }
}

/** The whole source as UTF-8 text. Throws `too_large` beyond `limit` bytes, before reading any. */
export async function readText(source: ByteSource, limit: number): Promise<string> {
  if (source.size > limit) {
    throw new OutriderError("too_large", `${source.name} has ${source.size} bytes; the limit is ${limit}`);
  }
  return new TextDecoder().decode(await source.read(0, source.size));
}
