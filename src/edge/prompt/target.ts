/**
 * The target as the edge knows it: its id, and the tokenizer and template that turn requests into token ids. No weights
 * are among it. Read once an isolate.
 */
import { type EdgeModel, edgeModelSchema } from "../../core/format/edge-model.ts";
import { BYTES_OF_ISOLATE, Compiled } from "../../core/grammar/compiled.ts";
import { ChatTemplate } from "../../core/model/chat.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { FillTemplate } from "../../core/model/fill.ts";
import { openTokenizer, type Tokenizer } from "../../core/model/tokenizer.ts";
import { assetText } from "../../core/platform/assets.ts";
import { Shared } from "../../core/platform/shared.ts";
import type { Env } from "../env.ts";

export interface Target {
  readonly description: EdgeModel;
  readonly tokenizer: Tokenizer;
  /** Throws `no_chat_template` for a model that was not made to chat. */
  chat(): ChatTemplate;
  /** Constraints on its answers. */
  compiled(): Compiled;
  /** Throws `no_fill_in_the_middle` for a model that was not made to fill in. */
  fill(): FillTemplate;
}

/** Lets the isolate's other Sessions go on. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

/** Where its files lie among the assets; the host is not looked at. */
const TARGET_URL = "https://assets/model/";

let description: EdgeModel | undefined;

/** The description alone, which the entry Worker asks for: no tokenizer is read. Throws `no_model` (503). */
export async function describedModel(assets: Fetcher): Promise<EdgeModel> {
  if (description !== undefined) return description;
  const response = await assets.fetch(`${TARGET_URL}target.json`);
  if (!response.ok) {
    throw new OutriderError(
      "no_model",
      "no model is among the assets; run `outrider start` or `outrider build` first",
      {
        status: 503,
      },
    );
  }
  description = edgeModelSchema.parse(await response.json());
  return description;
}

/** What a request asks for that names no model: the one that is served. */
export const SERVED = "";

/** The id of the model that a request names. Throws `model_not_found`. */
export async function servedModel(id: string, { ASSETS }: Pick<Env, "ASSETS">): Promise<string> {
  const { model } = await describedModel(ASSETS);
  if (id === model || id === SERVED) return model;
  throw new OutriderError(
    "model_not_found",
    `the model ${JSON.stringify(id)} does not exist here; this server has "${model}"`,
    {
      status: 404,
      param: "model",
    },
  );
}

const target = new Shared<Target>();

/** All that a turn needs to ask the origin. */
export const loadedTarget = (assets: Fetcher): Promise<Target> =>
  target.get(async (renew) => {
    const own = await describedModel(assets);
    renew();
    const tokenizerText = await assetText(assets, TARGET_URL, "tokenizer.json");
    renew();
    const configText = await assetText(assets, TARGET_URL, "tokenizer_config.json");
    const tokenizer = openTokenizer(tokenizerText);
    let chat: ChatTemplate | undefined;
    let fill: FillTemplate | undefined;
    let compiled: Compiled | undefined;
    const tokens = { size: own.vocabulary.size, bytesOf: (id: number) => tokenizer.bytesOf(id) };
    return {
      description: own,
      tokenizer,
      chat: () => (chat ??= new ChatTemplate(configText, tokenizer)),
      compiled: () => (compiled ??= new Compiled(tokens, BYTES_OF_ISOLATE, { pause, now: Date.now })),
      fill: () => (fill ??= new FillTemplate(configText, tokenizer)),
    };
  });
