/** Files and directories as the sources and sinks that the rest of the project reads and writes. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open as openHandle, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import type { PackSink } from "../format/pack.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { corruptShard, readPackHeader } from "../format/pack-reader.ts";
import { type ByteSource, checkRange, type OpenFile, readText } from "../format/source.ts";
import { OutriderError } from "../model/errors.ts";
import { checkFile } from "./named-file.ts";

const CHUNK_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 64 * 1024 * 1024;

/** An open file. Close it when done. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(name: string, size: number, handle: FileHandle) {
    this.name = name;
    this.size = size;
    this.#handle = handle;
  }

  /** Throws as `checkFile` does. */
  static async open(file: string): Promise<FileSource> {
    const { size } = checkFile(file);
    return new FileSource(path.basename(file), size, await openHandle(file));
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    checkRange(this.name, this.size, offset, length);
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const { bytesRead } = await this.#handle.read(bytes, done, length - done, offset + done);
      if (bytesRead === 0) throw new OutriderError("truncated", `${this.name}: it became shorter while it was read`);
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** The files of a directory. Each read opens and closes its file, so there is nothing to clean up. */
export function openDirectory(directory: string): OpenFile {
  return async (name) => {
    const file = path.join(directory, name);
    await using opened = await FileSource.open(file);
    const { size } = opened;
    return {
      name,
      size,
      async read(offset, length) {
        await using source = await FileSource.open(file);
        return await source.read(offset, length);
      },
    };
  };
}

/** Writes a pack into a directory, each file whole or not at all. */
export function directorySink(directory: string): PackSink {
  return {
    async write(name, bytes) {
      await mkdir(directory, { recursive: true });
      const file = path.join(directory, name);
      await writeFile(`${file}.part`, bytes);
      await rename(`${file}.part`, file);
    },
  };
}

/**
 * Streams shard `index` of the pack in `directory`, 1 MiB at a time; the type is `ShardReader` (draft/llama.ts).
 * Throws `corrupt_shard` at its end when size or SHA-256 differ from the header's: what was yielded must not be used
 * then.
 */
export function shardReader(directory: string, header: PackHeader): (index: number) => AsyncIterable<Uint8Array> {
  return async function* (index) {
    const shard = header.shards[index];
    if (!shard) throw new OutriderError("not_found", `there is no shard ${index} in a pack of ${header.shards.length}`);
    await using source = await FileSource.open(path.join(directory, shard.file));
    const hash = createHash("sha256");
    if (source.size === shard.bytes) {
      for (let at = 0; at < source.size; at += CHUNK_BYTES) {
        const chunk = await source.read(at, Math.min(CHUNK_BYTES, source.size - at));
        hash.update(chunk);
        yield chunk;
      }
      if (hash.digest("hex") === shard.sha256) return;
    }
    throw corruptShard(shard, source.size);
  };
}

/** In hexadecimal. Throws as `checkFile` does. */
export async function fileSha256(file: string): Promise<string> {
  checkFile(file);
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: CHUNK_BYTES }), hash);
  return hash.digest("hex");
}

/** The header of the pack in `directory`. Throws `not_found`, and what `readPackHeader` throws. */
export const directoryHeader = async (directory: string): Promise<PackHeader> =>
  readPackHeader(await readText(await openDirectory(directory)("pack.json"), MAX_HEADER_BYTES));

/** The header of the pack in `directory` if it and every shard are whole, else undefined. */
export async function wholePack(directory: string): Promise<PackHeader | undefined> {
  try {
    const header = await directoryHeader(directory);
    const shards = shardReader(directory, header);
    for (let index = 0; index < header.shards.length; index++) for await (const _ of shards(index));
    return header;
  } catch (error) {
    if (error instanceof OutriderError) return undefined;
    throw error;
  }
}
