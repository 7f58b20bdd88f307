/** Which models an edge is for, from what was asked. */
import path from "node:path";
import type { DescribedTarget } from "../format/target.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { defaultPair, knownPairs, pairNamed } from "../obtain/pair.ts";
import { cacheFolder } from "../platform/places.ts";
import { describeTarget } from "../service/assets.ts";
import type { ModelChoice } from "../service/project.ts";
import { MODELS } from "./prepare.ts";

export interface EdgeModels {
  readonly target: DescribedTarget;
  /** Directory of the draft's pack; null for an edge without weights. */
  readonly draft: string | null;
}

/**
 * What an edge needs of its models. A known pair's draft has its target's tokenizer, so the target itself is fetched
 * only for a pair that has no draft. Throws `bad_option` for an unknown pair, and what reading and fetching throw.
 */
export async function edgeModels({ pair: name, target, draft }: ModelChoice): Promise<EdgeModels> {
  if (target !== undefined) {
    return { target: await describeTarget(target), draft: draft === undefined || draft === "none" ? null : draft };
  }
  const pairs = knownPairs(MODELS);
  const pair = name === undefined ? defaultPair(pairs) : pairNamed(name, pairs);
  const chosen = draft === undefined ? pair.draft : draft === "none" ? null : (pair.drafts.get(draft) ?? draft);
  const described = chosen ?? pair.draft;
  if (described !== null) return { target: await describeTarget(described), draft: chosen };
  const { path: file } = await obtainModel(pair.target, path.join(cacheFolder(), "models"));
  return { target: await describeTarget(file, pair.target.model), draft: null };
}
