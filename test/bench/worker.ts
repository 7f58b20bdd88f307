/**
 * Runs `measure` in workerd: GET /?pack=PATH takes one round on the pack among the assets, loading it at the first
 * call; with &only=decode `decodeSpeed` alone.
 */
import { loadLlama } from "../../src/core/draft/llama.ts";
import { readPackHeader } from "../../src/core/format/pack-reader.ts";
import { assetShards, assetText } from "../../src/core/platform/assets.ts";
import { bundledModules } from "../../src/core/platform/bundled.ts";
import { decodeSpeed, type TimedEngine, timedLlama } from "../../src/tools/inspect/timing.ts";
import { measure, PAGES, VERIFIED } from "./measure.ts";

const engines = new Map<string, Promise<TimedEngine>>();

async function load(assets: Fetcher, base: string): Promise<TimedEngine> {
  const header = readPackHeader(await assetText(assets, base, "pack.json"));
  const shards = assetShards(assets, base, header, () => {});
  return timedLlama(await loadLlama(header, shards, bundledModules, { pages: PAGES, rows: VERIFIED }));
}

export default {
  async fetch(request: Request, env: { ASSETS: Fetcher }): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const base = `https://assets${searchParams.get("pack")}`;
    let engine = engines.get(base);
    if (!engine) engines.set(base, (engine = load(env.ASSETS, base)));
    const work = searchParams.get("only") === "decode" ? decodeSpeed : measure;
    return Response.json(await work(await engine));
  },
};
