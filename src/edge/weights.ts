/**
 * The draft's pack from the static assets: header and tokenizer as text, shards streamed into WASM memory, each checked
 * against its SHA-256 on the way. One copy an isolate, shared by every Session in it; what a Session keeps for itself are
 * KV pages out of the one pool that is sized here.
 */
import { type Llama, loadLlama } from "../draft/llama.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { readPackHeader } from "../format/pack-reader.ts";
import { ChatTemplate } from "../model/chat.ts";
import { sha256Hex } from "../model/sha256.ts";
import { Tokenizer } from "../model/tokenizer.ts";
import { assetShards, assetText } from "../platform/assets.ts";
import { bundledModules } from "../platform/bundled.ts";
import { Shared } from "../platform/shared.ts";
import { Admission } from "./admission.ts";
import { poolPages } from "./budget.ts";
import type { Env } from "./env.ts";
import { PACK_URL } from "./served.ts";

export interface Pack {
  readonly header: PackHeader;
  /** Names exactly this pack: a hash of its header, which holds the hashes of everything else. */ readonly id: string;
  readonly tokenizer: Tokenizer;
  /** Throws `no_chat_template` for a model that was not made to chat. */ chat(): ChatTemplate;
}

const pack = new Shared<Pack>();
const llama = new Shared<Llama>();
/** Admission in the pool of KV pages, for the turns that are under way in this isolate. */
export const admission = new Admission();

/** Header and tokenizer: all a turn needs to ask the origin. Small, so the weights do not hold it up. */
export const loadedPack = (assets: Fetcher): Promise<Pack> =>
  pack.get(async (renew) => {
    const names = ["pack.json", "tokenizer.json", "tokenizer_config.json"] as const;
    const [headerText, tokenizerText, configText] = await Promise.all(
      names.map(async (name) => {
        const text = await assetText(assets, PACK_URL, name);
        renew();
        return text;
      }),
    );
    const header = readPackHeader(headerText as string);
    const tokenizer = new Tokenizer(tokenizerText as string);
    let template: ChatTemplate | undefined;
    return {
      header,
      id: (await sha256Hex(new TextEncoder().encode(headerText))).slice(0, 16),
      tokenizer,
      chat: () => (template ??= new ChatTemplate(configText as string, tokenizer)),
    };
  });

/** The draft itself, ready to run. */
export const loadedLlama = ({ ASSETS, KV_PAGES }: Env, header: PackHeader): Promise<Llama> =>
  llama.get((renew) =>
    loadLlama(header, assetShards(ASSETS, PACK_URL, header, renew), bundledModules, {
      pages: Number(KV_PAGES) || poolPages(header),
      rows: 1,
    }),
  );

/** After a trap the instance's state is unknown; the next turn starts from fresh memory. */
export const dropLlama = (broken: Llama): void => llama.drop(broken);
