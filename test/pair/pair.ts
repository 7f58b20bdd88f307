/** The pair under test: its file, what an edge knows of it, and the draft that is tested with it. */
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { writePack } from "../../src/core/format/pack.ts";
import type { DescribedTarget } from "../../src/core/format/target.ts";
import { directorySink } from "../../src/core/platform/disk.ts";
import { cacheFolder } from "../../src/core/platform/places.ts";
import { obtainModel } from "../../src/tools/obtain/obtain.ts";
import { readPair } from "../../src/tools/obtain/pair.ts";
import { describeTarget } from "../../src/tools/service/assets.ts";
import { standInDraft } from "../support/stand-in.ts";

export const PAIR = readPair(path.resolve(import.meta.dirname, "../../models/qwen2.5-coder-1.5b"));

let obtained: Promise<string> | undefined;

/** Path of the target's GGUF file, checked once: its SHA-256 takes seconds. */
export const targetFile = (): Promise<string> =>
  (obtained ??= obtainModel(PAIR.target, path.join(cacheFolder(), "models")).then(({ path: file }) => file));

/** The draft's pack: one that is named, the pair's own, or null where this copy of the project lacks it. */
export const DRAFT: string | null = process.env.OUTRIDER_PAIR_DRAFT ?? PAIR.draft;

/** As wide as a draft of 30 MB, in one block: what it says is noise. */
const GARBAGE = { layers: 1, heads: 14, kvHeads: 2, headSize: 64, embedding: 896, feedForward: 384, vocabulary: 4096 };
/** The shape of a draft of about 30 MB, where the real one is not there. */
const LIKE_M = { layers: 14, heads: 14, kvHeads: 2, headSize: 64, embedding: 896, feedForward: 384, vocabulary: 14336 };

/** Writes the pack of a draft that was taught nothing. */
export async function standIn(target: DescribedTarget, out: string, shape: "garbage" | "like -m"): Promise<string> {
  if (existsSync(out)) return out;
  mkdirSync(out, { recursive: true });
  await writePack(standInDraft(target, shape === "garbage" ? GARBAGE : LIKE_M, 1), directorySink(out));
  return out;
}

export const describedTarget = async (): Promise<DescribedTarget> =>
  describeTarget(await targetFile(), PAIR.target.model);
