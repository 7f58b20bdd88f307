/** The model that writes a corpus: its tokens, chat template and limits, read from its pack. */

import { targetOf } from "../../core/format/pack-header.ts";
import { readText } from "../../core/format/source.ts";
import { type ChatMessage, ChatTemplate } from "../../core/model/chat.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { Tokenizer } from "../../core/model/tokenizer.ts";
import { directoryHeader, openDirectory } from "../../core/platform/disk.ts";

const MAX_TOKENIZER_BYTES = 64 * 1024 * 1024;

/** Tokens of a timeline at most; each thread has keys and values for so many. */
const LONGEST = 8192;

export class Target {
  /** Tokens of a timeline. */
  readonly context: number;
  /** Ids below this are tokens. */
  readonly vocabulary: number;
  /** Ids with which every conversation begins, up to the user's text. */
  readonly userHeader: readonly number[];
  readonly #tokenizer: Tokenizer;
  readonly #template: ChatTemplate;
  readonly #ends: readonly number[];
  /** The end token that the template puts after an answer. */
  readonly #end: number | undefined;

  constructor(
    tokenizer: Tokenizer,
    template: ChatTemplate,
    context: number,
    vocabulary: number,
    ends: readonly number[],
  ) {
    this.context = context;
    this.vocabulary = vocabulary;
    this.#tokenizer = tokenizer;
    this.#template = template;
    this.#ends = ends;
    const user = (content: string): ChatMessage => ({ role: "user", content });
    const [a, b] = [this.prompt([user("a")]), this.prompt([user("b")])];
    this.userHeader = a.slice(0, commonPrefix(a, b));
    const answered = this.prompt([user("a"), { role: "assistant", content: "b" }]);
    this.#end = answered.findLast((id) => ends.includes(id)) ?? ends[0];
  }

  /** Reads header, tokenizer and chat template of the pack in `directory`. Throws `not_found`, `no_chat_template`. */
  static async open(directory: string): Promise<Target> {
    const header = await directoryHeader(directory);
    const open = openDirectory(directory);
    const text = async (name: string) => readText(await open(name), MAX_TOKENIZER_BYTES);
    const tokenizer = new Tokenizer(await text("tokenizer.json"));
    const template = new ChatTemplate(await text("tokenizer_config.json"), tokenizer);
    const { context, eosIds } = targetOf(header);
    return new Target(tokenizer, template, Math.min(context, LONGEST), header.vocabulary.size, eosIds);
  }

  /** Ids of a conversation, ready for the answer. */
  prompt(messages: readonly ChatMessage[]): number[] {
    return this.#template.encode(messages);
  }

  /** Number of tokens that may follow `prompt`. Throws `context_full`, naming `what`, if there are none. */
  room(prompt: readonly number[], what: string): number {
    const room = this.context - prompt.length;
    if (room > 0) return room;
    throw new OutriderError(
      "context_full",
      `${what} has ${prompt.length} tokens, a conversation may have ${this.context}; shorten it or leave it out`,
    );
  }

  /** Whether the target ended an answer itself, rather than the limit. */
  ended(answer: readonly number[]): boolean {
    return answer.length > 0 && this.#ends.includes(answer.at(-1)!);
  }

  /** The text of an answer, without its end token. */
  decode(answer: readonly number[]): string {
    return this.#tokenizer.decode(answer);
  }

  /**
   * Ids of a text that a server sent. They can differ from the sampled ones, because the same text has several
   * tokenisations.
   */
  encode(text: string, ended: boolean): number[] {
    const ids = this.#tokenizer.encode(text);
    return ended && this.#end !== undefined ? [...ids, this.#end] : ids;
  }
}
