/**
 * Chat messages → token ids, by the model's own template (@huggingface/jinja).
 * What a message says can never become a special token: before rendering, the special tokens that occur in message
 * texts are broken by a mark; after rendering, the template's own are found; then the marks are taken out of the text
 * between. The template still sees the real texts, so what it trims or tests comes out as in the reference.
 */
import { Template } from "@huggingface/jinja";
import { OutriderError } from "./errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/**
 * The fields of `tokenizer_config.json` that are read here. Hugging Face writes a token as its text or as an object
 * with it.
 */
interface TokenizerConfig {
  readonly chat_template?: string | readonly { readonly name: string; readonly template: string }[] | null;
  readonly bos_token?: string | { readonly content: string } | null;
  readonly eos_token?: string | { readonly content: string } | null;
}

export class ChatTemplate {
  readonly #tokenizer: Tokenizer;
  readonly #template: Template;
  readonly #names: { bos_token: string; eos_token: string };

  /** Takes the text of `tokenizer_config.json`. Throws `no_chat_template` if the model has none. */
  constructor(tokenizerConfigJson: string, tokenizer: Tokenizer) {
    const config = JSON.parse(tokenizerConfigJson) as TokenizerConfig;
    const { chat_template: templates } = config;
    const source = Array.isArray(templates) ? templates.find(({ name }) => name === "default")?.template : templates;
    if (typeof source !== "string") {
      throw new OutriderError(
        "no_chat_template",
        "this model has no chat template; use /v1/completions with a raw prompt",
      );
    }
    this.#tokenizer = tokenizer;
    this.#template = new Template(source);
    const text = (token: TokenizerConfig["bos_token"]) => (typeof token === "object" ? token?.content : token) ?? "";
    this.#names = { bos_token: text(config.bos_token), eos_token: text(config.eos_token) };
  }

  /**
   * Ids of a conversation, ready for the assistant's next turn.
   * Throws `bad_messages` with the template's own words when it refuses the conversation.
   */
  encode(messages: readonly ChatMessage[]): number[] {
    const mark = unusedMark(messages);
    const broken = messages.map(({ role, content }) => ({
      role: breakSpecials(role, this.#tokenizer.specialTokens, mark),
      content: breakSpecials(content, this.#tokenizer.specialTokens, mark),
    }));
    let text: string;
    try {
      text = this.#template.render({ messages: broken, add_generation_prompt: true, ...this.#names });
    } catch (cause) {
      throw new OutriderError("bad_messages", `the chat template refuses these messages: ${(cause as Error).message}`, {
        cause,
      });
    }
    return this.#tokenizer.encodeMarked(text, (piece) => piece.replaceAll(mark, ""));
  }
}

/**
 * A noncharacter, U+FDD0 … U+FDEF, that no message contains. They never stand for text, so one is as good as always
 * free.
 */
function unusedMark(messages: readonly ChatMessage[]): string {
  for (let unit = 0xfdd0; unit <= 0xfdef; unit++) {
    const mark = String.fromCharCode(unit);
    if (!messages.some(({ role, content }) => role.includes(mark) || content.includes(mark))) return mark;
  }
  throw new OutriderError("bad_messages", "the messages contain all 32 noncharacters U+FDD0 to U+FDEF; leave one out");
}

/** Puts the mark after the first character of every special token, and of one that the text ends in the middle of. */
function breakSpecials(text: string, specials: readonly string[], mark: string): string {
  let broken = text;
  for (const special of specials) {
    broken = broken.replaceAll(special, () => special[0] + mark + special.slice(1));
    for (let length = special.length - 1; length > 0; length--) {
      const start = special.slice(0, length);
      if (broken.endsWith(start)) broken = `${broken.slice(0, -length)}${special[0]}${mark}${special.slice(1, length)}`;
    }
  }
  return broken;
}
