/** Runs `measure` in workerd: GET /?pack=PATH takes one round on the pack among the assets, loading it at the first call. */
import relaxed from "../../build/outrider.relaxed.wasm";
import simd from "../../build/outrider.simd.wasm";
import { type Llama, loadLlama } from "../../src/draft/model.ts";
import { assetShards, assetText } from "../../src/format/assets.ts";
import { readPackHeader } from "../../src/format/pack-reader.ts";
import { measure, VERIFIED } from "./measure.ts";

const models = new Map<string, Promise<Llama>>();

async function load(assets: Fetcher, base: string): Promise<Llama> {
  const header = readPackHeader(await assetText(assets, base, "pack.json"));
  const shards = assetShards(assets, base, header, () => {});
  return loadLlama(header, shards, { relaxed, simd }, { pages: 12, rows: VERIFIED });
}

export default {
  async fetch(request: Request, env: { ASSETS: Fetcher }): Promise<Response> {
    const base = `https://assets${new URL(request.url).searchParams.get("pack")}`;
    let llama = models.get(base);
    if (!llama) models.set(base, (llama = load(env.ASSETS, base)));
    return Response.json(measure(await llama));
  },
};
