/**
 * The isolate that starts cold. It loads the pack from the assets as the edge does: the header, then shards streamed,
 * checked and copied, then the kernels. It drafts one token behind a prompt of PROMPT tokens, and answers with the time
 * of each step.
 */
import { loadLlama } from "../../../src/core/draft/llama.ts";
import { readPackHeader } from "../../../src/core/format/pack-reader.ts";
import { assetShards, assetText } from "../../../src/core/platform/assets.ts";
import { bundledModules } from "../../../src/core/platform/bundled.ts";
import { arbitraryTokens, timedLlama } from "../../../src/tools/inspect/timing.ts";

const PROMPT = 16;
const BASE = "https://assets/edge/draft/";

/** Epoch times in ms, in order. */
export interface ColdTimes {
  /** The isolate runs its first request. */
  readonly entered: number;
  /** `pack.json` is there, parsed and checked. */
  readonly header: number;
  /** The first shard is asked for: memory is laid out. */
  readonly laidOut: number;
  /** All shards are in memory and their SHA-256 was right. */
  readonly weights: number;
  /** The kernels are instantiated over it. */
  readonly instantiated: number;
  /** The first draft token is known. */
  readonly drafted: number;
}

export default {
  async fetch(_: Request, { ASSETS }: { ASSETS: Fetcher }): Promise<Response> {
    const entered = Date.now();
    const packHeader = readPackHeader(await assetText(ASSETS, BASE, "pack.json"));
    const header = Date.now();
    const shards = assetShards(ASSETS, BASE, packHeader, () => {});
    let laidOut = 0;
    let weights = 0;
    const watched = async function* (index: number) {
      laidOut ||= Date.now();
      yield* shards(index);
      weights = Date.now();
    };
    const llama = await loadLlama(packHeader, watched, bundledModules, { pages: 8, rows: 1 });
    const instantiated = Date.now();
    timedLlama(llama).pass(arbitraryTokens(PROMPT, 500), 1);
    const times: ColdTimes = { entered, header, laidOut, weights, instantiated, drafted: Date.now() };
    return Response.json(times);
  },
};
