/**
 * The cache of model files: a file lies under its name only when it is whole and checked.
 * Where the bytes come from is the business of the sources (obtain.ts tries them in order).
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readGguf } from "../format/gguf.ts";
import { OutriderError } from "../model/errors.ts";
import { FileSource } from "../platform/disk.ts";
import { startProgress } from "../platform/progress.ts";

export interface ObtainedModel {
  readonly path: string;
  readonly sha256: string;
  /** Where it came from, in words. */ readonly from: string;
}

/** The file that our golden outputs and measured figures were made with. */
export const MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf";
export const MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/** One way to get the model. `obtain` puts the file into `cache` by `storeModel`, or rejects with the reason why not. */
export interface ModelSource {
  readonly name: string;
  obtain(cache: string): Promise<ObtainedModel>;
}

/**
 * Streams `bytes` into the cache under `name`, with a progress bar. The file appears only when whole; with `sha256`,
 * only when it matches. Throws `bad_download` otherwise.
 */
export async function storeModel(
  cache: string,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  size: number,
  from: string,
  sha256?: string,
): Promise<ObtainedModel> {
  await mkdir(cache, { recursive: true });
  const file = path.join(cache, name);
  const partial = `${file}.${process.pid}.part`;
  const hash = createHash("sha256");
  const progress = startProgress(`${name} from ${from}`, size, "MB");
  let done = 0;
  const count = new Transform({
    transform(chunk: Uint8Array, _encoding, next) {
      hash.update(chunk);
      progress.update((done += chunk.length));
      next(null, chunk);
    },
  });
  try {
    await pipeline(Readable.from(bytes), count, createWriteStream(partial)).finally(() => progress.end());
    const digest = hash.digest("hex");
    if (done !== size) throw new OutriderError("bad_download", `${name}: got ${done} of ${size} bytes`);
    if (sha256 && digest !== sha256) {
      throw new OutriderError("bad_download", `${name}: its SHA-256 is ${digest}, expected ${sha256}`);
    }
    await checkGguf(partial);
    await rename(partial, file);
    return { path: file, sha256: digest, from };
  } finally {
    await rm(partial, { force: true });
  }
}

/** Throws `bad_gguf` or `not_found` unless the file has a whole GGUF header and all its tensors. */
export async function checkGguf(file: string): Promise<void> {
  await using source = await FileSource.open(file);
  await readGguf(source);
}

export async function fileSha256(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}
