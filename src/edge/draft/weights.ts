/**
 * The draft's pack from the static assets: header as text, shards streamed into WASM memory, each checked against its
 * SHA-256 on the way. One copy an isolate, shared by every Session in it; what a Session keeps for itself are KV pages
 * out of the one pool that is sized here. An edge without a draft never gets here.
 */
import { readKeyPolicy } from "../../core/draft/key-policy.ts";
import { type Llama, loadLlama } from "../../core/draft/llama.ts";
import { readPackHeader } from "../../core/format/pack-reader.ts";
import { sha256Hex } from "../../core/model/sha256.ts";
import { assetShards, assetText } from "../../core/platform/assets.ts";
import { bundledModules } from "../../core/platform/bundled.ts";
import { Shared } from "../../core/platform/shared.ts";
import type { Env } from "../env.ts";
import { poolPages } from "./budget.ts";

export interface Weights {
  readonly llama: Llama;
  /** Names exactly this pack: a hash of its header, which holds the hashes of everything else. */
  readonly pack: string;
  /** Tokens whose keys a conversation holds at most (draft/key-policy.ts); as many as fit when absent. */
  readonly held: number | undefined;
}

/** Where the pack lies among the assets; the host is not looked at. */
const PACK_URL = "https://assets/draft/";

const weights = new Shared<Weights>();

/** The draft, ready to run. */
export const loadedWeights = ({ ASSETS, KV_PAGES }: Env): Promise<Weights> =>
  weights.get(async (renew) => {
    const text = await assetText(ASSETS, PACK_URL, "pack.json");
    renew();
    const header = readPackHeader(text);
    const { held, infinigen } = readKeyPolicy(header.drafting?.keeping ?? "all");
    const llama = await loadLlama(header, assetShards(ASSETS, PACK_URL, header, renew), bundledModules, {
      pages: Number(KV_PAGES) || poolPages(header, infinigen),
      rows: 1,
      infinigen,
    });
    return { llama, pack: (await sha256Hex(new TextEncoder().encode(text))).slice(0, 16), held };
  });

/** After a trap the instance's state is unknown; the next turn starts from fresh memory. */
export const dropWeights = (broken: Weights): void => weights.drop(broken);
