/** Models that a command is given by a pair's name or by their path. */
import { existsSync } from "node:fs";
import type { DescribedTarget } from "../../core/format/target.ts";
import { obtainModel } from "../obtain/obtain.ts";
import { knownPairs, pairNamed } from "../obtain/pair.ts";
import { describeTarget } from "../service/assets.ts";
import { usage } from "./options.ts";
import { MODELS, modelFiles } from "./prepare.ts";

/** A target by its pair's name, obtained if need be, or by its path. */
export async function targetOf(named: string): Promise<{ file: string; target: DescribedTarget }> {
  const file = await fileOf(named);
  const pair = existsSync(named) ? undefined : pairNamed(named, knownPairs(MODELS));
  return { file, target: await describeTarget(file, pair?.target.model) };
}

/** The file of a model that is named by its path or its pair. Throws as `pairNamed` does for what is neither. */
export async function fileOf(named: string): Promise<string> {
  if (existsSync(named)) return named;
  const pairs = knownPairs(MODELS);
  if (named.includes("/") || /\.gguf$/.test(named)) throw usage(`${named}: there is no such file or folder`);
  return (await obtainModel(pairNamed(named, pairs).target, modelFiles())).path;
}
