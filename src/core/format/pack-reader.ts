/**
 * Reads packs: the header with everything in it checked against itself, and whole packs back into memory for the next
 * stage of a recipe. Loading a pack into WASM memory streams shards instead (draft/), by the same header.
 */
import { checkConfig } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { FORMATS } from "../model/formats.ts";
import { tensorBytes } from "../model/layouts.ts";
import { sha256Hex } from "../model/sha256.ts";
import { EMBEDDING, HEAD, tensorShapes } from "../model/tensors.ts";
import type { PackedModel, PackedTensor } from "./pack.ts";
import {
  PACK_VERSION,
  type PackHeader,
  type PackTensor,
  packBytes,
  packFacts,
  packHeaderSchema,
  SHARD_BYTES,
} from "./pack-header.ts";
import { type ByteSource, type OpenFile, readText } from "./source.ts";

const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/**
 * Parses `pack.json`. Throws `unknown_pack_version`, or `bad_pack` naming the field or tensor: every tensor of the
 * config must be there with its bytes, in parts that lie inside shards.
 */
export function readPackHeader(text: string): PackHeader {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new OutriderError("bad_pack", "pack.json is not JSON", { cause });
  }
  const version = (json as { version?: unknown } | null)?.version;
  if (version !== undefined && version !== PACK_VERSION) {
    throw new OutriderError(
      "unknown_pack_version",
      `pack.json has version ${JSON.stringify(version)?.slice(0, 40)}; this build reads version ${PACK_VERSION}. ` +
        "Make the pack again",
    );
  }
  const parsed = packHeaderSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new OutriderError("bad_pack", `pack.json: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  const header = parsed.data;
  // A draft's config names the target's tokens.
  checkConfig(header.config, Math.max(header.config.vocabulary, header.vocabulary.size));
  for (const shard of header.shards) {
    if (!/^[\w-][\w.-]*$/.test(shard.file)) {
      throw bad(`shard file ${JSON.stringify(shard.file)} is not a plain file name`);
    }
    if (shard.bytes > SHARD_BYTES) {
      throw bad(`shard ${shard.file} has ${shard.bytes} bytes; the limit is ${SHARD_BYTES}`);
    }
  }
  const stored = packBytes(header);
  let used = 0;
  for (const { parts } of Object.values(header.tensors)) for (const part of parts) used += part.bytes;
  if (used > stored) throw bad(`its tensors have ${used} bytes in shards of ${stored}`);
  // A layer count that the tensors cannot back must not make a list of that length.
  if (header.config.layers > Object.keys(header.tensors).length)
    throw bad("config.layers exceeds the number of tensors");
  checkVocabulary(header);
  const shapes = tensorShapes(header.config);
  for (const { name, rows, cols } of shapes) {
    const tensor = Object.hasOwn(header.tensors, name) ? header.tensors[name] : undefined;
    if (!tensor) throw bad(`tensor ${name} is missing`);
    if (tensor.rows !== rows || tensor.cols !== cols) {
      throw bad(`tensor ${name} is ${tensor.rows} × ${tensor.cols}, the config says ${rows} × ${cols}`);
    }
    checkParts(header, name, tensor);
  }
  if (Object.keys(header.tensors).length !== shapes.length) throw bad("it has tensors that the config does not");
  return header;
}

/** Every row has a token of its own, and every token of the target a row, or a substitute that has one. */
function checkVocabulary({ config, vocabulary, kept, substitutes = [] }: PackHeader): void {
  const rows = config.vocabulary;
  if (kept && kept.length !== rows) throw bad(`kept names ${kept.length} tokens for ${rows} rows`);
  const unsorted = kept?.findIndex((id, row) => id >= vocabulary.size || (row > 0 && id <= kept[row - 1]!)) ?? -1;
  if (unsorted >= 0) {
    throw bad(`kept[${unsorted}] is ${kept![unsorted]}; it lists ids under ${vocabulary.size} in rising order`);
  }
  const missing = Math.max(0, vocabulary.size - rows);
  if (substitutes.length !== missing) throw bad(`${missing} tokens have no row, but ${substitutes.length} substitutes`);
  const own = kept && new Set(kept);
  const at = substitutes.findIndex((id) => (own ? !own.has(id) : id >= rows));
  if (at >= 0) throw bad(`substitutes[${at}] is ${substitutes[at]}, which has none of the ${rows} rows itself`);
}

function checkParts(header: PackHeader, name: string, tensor: PackTensor): void {
  const { format, rows, cols, parts, outliers } = tensor;
  const isVector = rows === 1;
  if (isVector !== (format === "f32")) {
    const formats = Object.keys(FORMATS).join(", ");
    throw bad(
      `tensor ${name} is ${format}, but ${isVector ? "a norm or bias is f32" : `a matrix is one of ${formats}`}`,
    );
  }
  if (outliers && (isVector || name === EMBEDDING || name === HEAD)) {
    throw bad(`tensor ${name} must be without outliers: only the blocks' matrices may have them`);
  }
  let bytes = 0;
  for (const part of parts) {
    const shard = header.shards[part.shard];
    if (!shard) throw bad(`tensor ${name} lies in shard ${part.shard}, but there are ${header.shards.length}`);
    if (part.offset + part.bytes > shard.bytes) throw bad(`tensor ${name} reaches past the end of ${shard.file}`);
    bytes += part.bytes;
  }
  const expected = tensorBytes(tensor);
  if (bytes !== expected) throw bad(`tensor ${name} has ${bytes} bytes, ${rows} × ${cols} ${format} needs ${expected}`);
}

/** The whole pack in memory. Throws `corrupt_shard` when a shard is not the one that was written. */
export async function readPack(open: OpenFile): Promise<PackedModel> {
  const text = async (name: string) => readText(await open(name), MAX_TEXT_BYTES);
  const header = readPackHeader(await text("pack.json"));
  const shards: Uint8Array[] = [];
  for (const shard of header.shards) shards.push(await readShard(await open(shard.file), shard));
  const tensors = new Map<string, PackedTensor>();
  for (const [name, { parts, ...shape }] of Object.entries(header.tensors)) {
    const bytes = new Uint8Array(tensorBytes(shape));
    let at = 0;
    for (const part of parts) {
      bytes.set(shards[part.shard]!.subarray(part.offset, part.offset + part.bytes), at);
      at += part.bytes;
    }
    tensors.set(name, { ...shape, bytes });
  }
  const tokenizer = {
    "tokenizer.json": await text("tokenizer.json"),
    "tokenizer_config.json": await text("tokenizer_config.json"),
  };
  return { ...packFacts(header), tensors, tokenizer, recipe: header.recipe };
}

async function readShard(source: ByteSource, shard: PackHeader["shards"][number]): Promise<Uint8Array> {
  if (source.size === shard.bytes) {
    const bytes = await source.read(0, source.size);
    if ((await sha256Hex(bytes)) === shard.sha256) return bytes;
  }
  throw corruptShard(shard, source.size);
}

/** What to throw when a shard of `size` bytes is not the one that `pack.json` names. */
export const corruptShard = (shard: PackHeader["shards"][number], size: number): OutriderError =>
  new OutriderError(
    "corrupt_shard",
    `${shard.file}: its ${size} bytes are not the ${shard.bytes} with SHA-256 ${shard.sha256} that pack.json names; ` +
      "make the pack again",
    { status: 500 },
  );

const bad = (what: string) => new OutriderError("bad_pack", `pack.json: ${what}`);
