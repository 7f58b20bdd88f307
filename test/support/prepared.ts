/** The packs of the default pair, obtained if need be. */
import { MODELS, targetPack } from "../../src/tools/commands/prepare.ts";
import { obtainDraft } from "../../src/tools/obtain/draft-package.ts";
import { defaultPair, knownPairs } from "../../src/tools/obtain/pair.ts";

export async function prepare(): Promise<{ target: string; draft: string }> {
  const pair = defaultPair(knownPairs(MODELS));
  await obtainDraft(pair, pair.draft!);
  return { target: await targetPack(pair), draft: pair.draft! };
}
