/**
 * Packs among the static assets of a Worker: texts, and shards streamed and checked on the way. `disk.ts` is the same
 * for Node.
 */

import type { PackHeader } from "../format/pack-header.ts";
import { corruptShard } from "../format/pack-reader.ts";
import { OutriderError } from "../model/errors.ts";
import { hex } from "../model/sha256.ts";

/** Where the files are: the ASSETS binding, or anything that answers like it. */
interface Assets {
  fetch(url: string): Promise<Response>;
}

/**
 * At most so much is read at a time. Without a buffer of its own a reader gets 4 kB in workerd, and loading takes four
 * times as long.
 */
const CHUNK_BYTES = 64 * 1024;

/** A file of the pack at `base` as text. Throws `no_model` (503) when it is not there. */
export const assetText = async (assets: Assets, base: string, name: string): Promise<string> =>
  (await open(assets, base, name)).text();

/**
 * Streams shards of the pack at `base`; the type is `ShardReader` (draft/llama.ts). A chunk is gone when the next is
 * asked for. `progress` is called for every chunk and may throw to stop. Throws `no_model`, or `corrupt_shard` at the
 * end of a shard whose SHA-256 differs from the header's.
 */
export function assetShards(
  assets: Assets,
  base: string,
  header: PackHeader,
  progress: () => void,
): (index: number) => AsyncIterable<Uint8Array> {
  return async function* (index) {
    const shard = header.shards[index]!;
    const { body } = await open(assets, base, shard.file);
    const digest = new crypto.DigestStream("SHA-256");
    const writer = digest.getWriter();
    let bytes = 0;
    const reader = (body as ReadableStream<Uint8Array>).getReader({ mode: "byob" });
    try {
      for (let buffer = new ArrayBuffer(CHUNK_BYTES); ; ) {
        const { done, value } = await reader.read(new Uint8Array(buffer));
        if (done) break;
        progress();
        bytes += value.length;
        await writer.write(value);
        yield value;
        buffer = value.buffer;
      }
    } finally {
      await reader.cancel();
    }
    await writer.close();
    const sum = hex(await digest.digest);
    if (sum !== shard.sha256) throw corruptShard(shard, bytes);
  };
}

async function open(assets: Assets, base: string, name: string): Promise<Response> {
  const response = await assets.fetch(base + name);
  if (response.ok) return response;
  throw new OutriderError("no_model", `${name} is not among the assets; make the pack and deploy it`, { status: 503 });
}
