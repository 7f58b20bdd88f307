/**
 * What is known of a model before the server that should run it is asked, and whether the server runs that model. Edge
 * and target exchange token ids, so both must count tokens alike; a server tells its model's name, and the ids of a
 * text.
 */
import * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { modelId } from "../../core/model/model-id.ts";
import type { EngineServer } from "./http.ts";
import type { ServedModel } from "./served-model.ts";

export interface KnownModel extends Omit<ServedModel, "model"> {
  /** Null: whatever model the server runs, if it has these tokens. */
  readonly model: string | null;
  /** A text and its ids. */
  readonly probe: { readonly text: string; readonly ids: readonly number[] };
}

/** The ids of a text, or undefined where the server has no such route. */
async function tokensOf(server: EngineServer, model: string | undefined, prompt: string) {
  try {
    return (await server.post("/tokenize", { model, prompt, add_special_tokens: false }, tokensSchema)).tokens;
  } catch (error) {
    if (error instanceof OutriderError && error.code === "engine_refused") return undefined;
    throw error;
  }
}

const tokensSchema = z.object({ tokens: z.array(z.int()) });

/**
 * The model, under the server's name for it where it had none. Throws `wrong_model` where the server names another one
 * or counts tokens otherwise.
 * @param names what the server calls its model: an alias, a path, a repository
 */
export async function servedAs(
  server: EngineServer,
  names: readonly string[],
  known: KnownModel,
): Promise<ServedModel> {
  const { model, probe, vocabulary, context } = known;
  const served = names.map(modelId);
  const called = names.map((name) => `"${name}"`).join(", ");
  const wrong = (why: string) => new OutriderError("wrong_model", `the ${server.name} server serves ${called}: ${why}`);
  if (model !== null && !served.includes(model)) {
    throw wrong(
      `the target is ${model}. Name the model that the server runs with --target, or leave --pair and --target away ` +
        "and name a --draft of the same family",
    );
  }
  const tokens = await tokensOf(server, names[0], probe.text);
  if (tokens === undefined && model === null) {
    throw wrong("it does not tell the tokens of a text (/tokenize), so name its model with --target");
  }
  if (tokens !== undefined && `${tokens}` !== `${probe.ids}`) {
    throw wrong("its token ids are others than the tokenizer's here. Name the model that it runs with --target");
  }
  return { model: model ?? served[0]!, vocabulary, context };
}
