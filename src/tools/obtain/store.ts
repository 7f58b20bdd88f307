/**
 * The cache of model files: a file lies under its name only when it is whole and checked.
 * Where the bytes come from is the business of the sources (obtain.ts tries them in order).
 */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { readGgufMetadata } from "../../core/format/gguf.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { FileSource } from "../../core/platform/disk.ts";
import { lock } from "../../core/platform/lock.ts";
import { startProgress } from "../../core/platform/progress.ts";

export interface ObtainedModel {
  readonly path: string;
  readonly sha256: string;
  /** Where it came from, in words. */
  readonly from: string;
}

/** One way to get a model. `obtain` puts the file into `cache` by `storeModel`, or rejects with the reason why not. */
export interface ModelSource {
  readonly name: string;
  obtain(cache: string): Promise<ObtainedModel>;
}

/** A file that a source offers. */
export interface Offer {
  /** File name in the cache. */
  readonly name: string;
  readonly size: number;
  /** Where it comes from, in words. */
  readonly from: string;
  /** Absent: whatever arrives is taken, if it is a GGUF file of `size` bytes. */
  readonly sha256?: string | undefined;
  /** The bytes from `offset` on. */
  bytes(offset: number): AsyncIterable<Uint8Array>;
}

/**
 * Streams a file into the cache with a progress bar. It appears under its name only when it is whole; with `sha256`,
 * only when that matches. What arrived before a failure is kept where the SHA-256 is known, and the next call goes on
 * there. Throws `bad_download` when the bytes are not those that were offered, `bad_gguf` when they are no GGUF file,
 * `busy` while another process fetches the file.
 */
export async function storeModel(cache: string, offer: Offer): Promise<ObtainedModel> {
  const { name, size, from, sha256 } = offer;
  await mkdir(cache, { recursive: true });
  const file = path.join(cache, name);
  const partial = `${file}.part`;
  const unlock = await lock(`${partial}.lock`, "is fetching this file");
  try {
    if (sha256 === undefined) await rm(partial, { force: true });
    const hash = createHash("sha256");
    const resumed = await hashed(partial, hash, size);
    try {
      const done = await append(offer, partial, resumed, hash);
      if (done < size) throw new Error(`${name}: got ${done} of ${size} bytes`);
      const digest = hash.digest("hex");
      if (done > size) throw new OutriderError("bad_download", `${name}: got ${done} bytes where ${size} were offered`);
      if (sha256 !== undefined && digest !== sha256) {
        throw new OutriderError("bad_download", `${name}: its SHA-256 is ${digest}, expected ${sha256}`);
      }
      await checkGguf(partial);
      await rename(partial, file);
      return { path: file, sha256: digest, from };
    } catch (error) {
      // Bytes that were refused must not be the beginning of the next attempt.
      if (sha256 === undefined || error instanceof OutriderError) await rm(partial, { force: true });
      throw error;
    }
  } finally {
    await unlock();
  }
}

/** Feeds what `partial` holds to `hash` and returns its length; a file that is too long is removed. */
async function hashed(partial: string, hash: Hash, size: number): Promise<number> {
  const held = await stat(partial).then(
    (found) => found.size,
    () => 0,
  );
  if (held === 0) return 0;
  if (held > size) {
    await rm(partial);
    return 0;
  }
  for await (const chunk of createReadStream(partial, { highWaterMark: 1 << 20 })) hash.update(chunk as Uint8Array);
  return held;
}

/** Appends the rest of the offer to `partial`. Returns how long the file then is. */
async function append({ name, size, from, bytes }: Offer, partial: string, held: number, hash: Hash): Promise<number> {
  if (held === size) return held;
  const progress = startProgress(`${name} from ${from}`, size, "MB", held);
  const handle = await open(partial, "a");
  let done = held;
  try {
    for await (const chunk of bytes(held)) {
      hash.update(chunk);
      await handle.appendFile(chunk);
      done += chunk.length;
      progress.update(done);
    }
  } finally {
    progress.end();
    await handle.close();
  }
  return done;
}

/** Throws `bad_gguf` or `not_found` unless the file begins as a GGUF file does. */
async function checkGguf(file: string): Promise<void> {
  await using source = await FileSource.open(file);
  await readGgufMetadata(source);
}
