/**
 * The edge's assets: what `start` serves, `build` writes and `deploy` uploads.
 *
 *   index.html …                            the page, as src/page/build.js bundles it
 *   examples.json                           questions that it offers
 *   notice.json                             what it says above everything else, if anything
 *   model/target.json                       what the edge knows of its target (format/edge-model.ts)
 *   model/tokenizer.json, …_config.json     the target's tokenizer and chat template
 *   draft/pack.json, model-….safetensors    the draft's pack, where there is a draft
 */

import { existsSync } from "node:fs";
import { copyFile, link, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { EdgeModel } from "../../core/format/edge-model.ts";
import { type PackHeader, targetOf } from "../../core/format/pack-header.ts";
import { type DescribedTarget, describeCheckpoint, describeGguf, describePack } from "../../core/format/target.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { longestTokens } from "../../core/model/longest-tokens.ts";
import { modelId } from "../../core/model/model-id.ts";
import { openTokenizer } from "../../core/model/tokenizer.ts";
import { FileSource, openDirectory, wholePack } from "../../core/platform/disk.ts";
import { PACKAGE } from "../../core/platform/places.ts";

/**
 * Reads what an edge must know of a target: a pack (of a draft: the target that it drafts for), a GGUF file, or a
 * Hugging Face folder. Throws `not_found` for anything else, `unsupported_tokenizer` for a tokenizer that cannot be
 * read.
 * @param name the model's id, where the file's own name is not to be it
 */
export async function describeTarget(file: string, name?: string): Promise<DescribedTarget> {
  const described = await readTarget(file, name ?? modelId(file));
  openTokenizer(described.tokenizer["tokenizer.json"]);
  return name === undefined ? described : { ...described, model: name };
}

async function readTarget(file: string, name: string): Promise<DescribedTarget> {
  if (file.endsWith(".gguf")) {
    await using source = await FileSource.open(file);
    return await describeGguf(source, name);
  }
  const hasPack = existsSync(path.join(file, "pack.json"));
  if (hasPack || existsSync(path.join(file, "config.json"))) {
    const files = openDirectory(file);
    return (hasPack ? describePack(files) : describeCheckpoint(files, name)).catch((cause) => {
      // These name the file in the folder, and not the folder.
      if (!(cause instanceof OutriderError) || cause.message.startsWith(file)) throw cause;
      throw new OutriderError(cause.code, `${file}: ${cause.message}`, { status: cause.status, cause });
    });
  }
  const wanted = "a .gguf file, or a folder with pack.json (a pack) or config.json (a Hugging Face checkpoint)";
  const why = existsSync(file) ? `it is not ${wanted}` : `there is no such file or folder; name ${wanted}`;
  throw new OutriderError("not_found", `${file}: ${why}`, { status: 404 });
}

/** What a draft must agree with. */
interface Drafted {
  readonly model: string;
  readonly vocabulary: { readonly hash: string };
}

/**
 * The header of a draft's pack, having checked that all of it is there and that it has this target's tokens. A draft of
 * another target with the same tokens drafts too: what it says may be kept less often, and decides nothing.
 * Throws `bad_pack` or `wrong_draft`.
 */
export async function draftFor(target: Drafted, pack: string): Promise<PackHeader> {
  const header = await wholePack(pack);
  if (!header) {
    throw new OutriderError(
      "bad_pack",
      `${pack} is no whole pack; make it again, or fetch it again from where it came from`,
    );
  }
  if (header.vocabulary.hash === target.vocabulary.hash) return header;
  const { model } = targetOf(header);
  throw new OutriderError(
    "wrong_draft",
    model === target.model
      ? `${pack} has another vocabulary than ${model} here; make it from this target, or choose --draft none`
      : `${pack} drafts for ${model}, and ${target.model} has other tokens; choose a draft made for it, or ` +
          "--draft none",
  );
}

/** What is known of a target and its draft beside their files. */
interface About {
  /** Questions for the page to offer. */
  readonly examples?: readonly string[];
  /** What the page says above everything else. */
  readonly notice?: string | undefined;
  /** Tokens per target pass with this draft, as its card reports. */
  readonly tokensPerPass?: number | undefined;
}

/**
 * Makes `folder` the edge's assets, whatever it held before. Packs are hard-linked: no second copy, nothing to copy
 * again.
 * @param draft directory of the draft's pack, or null for an edge without weights
 * @returns what the edge will read as model/target.json
 */
export async function assembleEdge(
  target: DescribedTarget,
  draft: string | null,
  folder: string,
  { examples = [], notice, tokensPerPass }: About = {},
): Promise<EdgeModel> {
  const header = draft === null ? null : await draftFor(target, draft);
  const { tokenizer, ...description } = target;
  const longest = longestTokens(tokenizer["tokenizer.json"]);
  const edge: EdgeModel = {
    ...description,
    draft: header?.model ?? null,
    ...(header && { tokensPerPass }),
    ...(longest && { longestTokens: longest }),
  };
  await rm(folder, { recursive: true, force: true });
  await linkFiles(path.join(PACKAGE, "dist/page"), folder);
  await writeFile(path.join(folder, "examples.json"), `${JSON.stringify(examples)}\n`);
  await writeFile(path.join(folder, "notice.json"), `${JSON.stringify({ text: notice ?? null })}\n`);
  await mkdir(path.join(folder, "model"));
  for (const [name, text] of Object.entries(tokenizer)) await writeFile(path.join(folder, "model", name), text);
  await writeFile(path.join(folder, "model/target.json"), `${JSON.stringify(edge, null, 2)}\n`);
  if (draft !== null && header !== null) {
    // Its tokenizer is the target's, which lies under model/.
    const files = new Set(["pack.json", ...header.shards.map(({ file }) => file)]);
    await linkFiles(draft, path.join(folder, "draft"), (file) => files.has(file));
  }
  return edge;
}

/** The files of a folder that `wanted` picks, in another as well. */
export async function linkFiles(
  from: string,
  to: string,
  wanted: (file: string) => boolean = () => true,
): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const file of (await readdir(from)).filter(wanted)) {
    const linked = path.join(to, file);
    // What is there may be a link to a file of the cache, which must not be written over.
    await rm(linked, { force: true });
    // Another file system, or one without hard links, gets a copy.
    await link(path.join(from, file), linked).catch(() => copyFile(path.join(from, file), linked));
  }
}
