/** How fast the service's engine decodes a model, on one thread of this process. */
import { type Llama, loadLlama } from "../../draft/model.ts";
import { type PackedModel, writePack } from "../../format/pack.ts";
import { PAGE_TOKENS } from "../../kernels/abi.ts";
import { builtModules } from "../../kernels/built.ts";
import { packable } from "../pipeline.ts";

/** Tokens in the cache when decoding begins, and tokens of a run. Arbitrary ones: the work does not depend on them. */
const PROMPT = 64;
const DECODED = 48;
/** Runs go on for so long; the median counts. */
const SECONDS = 3;

/** Tokens a second, one after the other, greedily. */
export async function decodeSpeed(model: PackedModel): Promise<number> {
  const llama = await loaded(model);
  const cache = llama.newCache();
  llama.forward(
    cache,
    Array.from({ length: PROMPT }, (_, n) => (n * 7919) % model.config.vocabulary),
    1,
  );
  const run = (): number => {
    const started = performance.now();
    let token = llama.argmax(0);
    for (let n = 0; n < DECODED; n++) {
      llama.forward(cache, [token], 1);
      token = llama.argmax(0);
    }
    cache.cut(PROMPT);
    return (performance.now() - started) / 1000;
  };
  run(); // code is compiled
  const runs: number[] = [];
  for (let spent = 0; spent < SECONDS; spent += runs.at(-1)!) runs.push(run());
  return DECODED / runs.sort((a, b) => a - b)[runs.length >> 1]!;
}

/** The model as its pack would be loaded. */
async function loaded(model: PackedModel): Promise<Llama> {
  const files = new Map<string, Uint8Array>();
  const header = await writePack(packable(model), { write: async (name, bytes) => void files.set(name, bytes) });
  const shards = async function* (index: number) {
    yield files.get(header.shards[index]!.file)!;
  };
  const pages = Math.ceil((PROMPT + DECODED) / PAGE_TOKENS);
  return loadLlama(header, shards, await builtModules(), { pages, rows: 1 });
}
