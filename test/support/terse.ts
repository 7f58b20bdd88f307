/** The tiny target with a louder end of turn: it ends what it says, after 20 tokens or so when sampled. */

import { readPack } from "../../src/core/format/pack-reader.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { EMBEDDING } from "../../src/core/model/tensors.ts";
import { openDirectory } from "../../src/core/platform/disk.ts";
import { replacePack } from "../../src/tools/compress/rounding/packable.ts";
import { TINY_PACKS } from "./tiny.ts";

/** The embedding is the head, too: a larger row makes larger logits of either sign. */
const LOUDER = 6;

/** Writes its pack into `directory`. */
export async function makeTerse(directory: string): Promise<void> {
  const model = await readPack(openDirectory(TINY_PACKS.target));
  const embedding = model.tensors.get(EMBEDDING)!;
  const { rows, cols } = embedding;
  const values = decodeTensor(embedding, embedding.bytes);
  const [end] = model.config.eosIds;
  for (let n = end! * cols; n < (end! + 1) * cols; n++) values[n]! *= LOUDER;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensors = new Map(model.tensors).set(EMBEDDING, { format: "f32", rows, cols, bytes });
  await replacePack({ ...model, tensors }, directory);
}
