/** How an answer is written to a client of llama-server's own routes. */
import type { Generation } from "../../prompt/generation.ts";
import { DocumentForm, errorEvent, type Form, type Piece } from "../openai/stream.ts";
import type { Head, Outcome } from "../outcome.ts";
import type { LlamaDialect } from "./request.ts";

export function llamaForm(
  head: Head,
  { stream, trace }: Pick<Generation, "stream" | "trace">,
  dialect: LlamaDialect,
): Form {
  if (stream) return new LlamaEvents(head, dialect);
  return new DocumentForm(trace, (completion) => {
    const text = dialect.silent ? "" : completion.content.text;
    return chosen(answer(head, text, completion.outcome, dialect), dialect);
  });
}

/** What every object of an answer has. */
const part = (content: string, stop: boolean) => ({ index: 0, content, tokens: [], id_slot: 0, stop });

/** The object that ends an answer: with all of its text, or behind the last piece of it. */
function answer({ model }: Head, content: string, { finish, timings, account }: Outcome, { silent }: LlamaDialect) {
  const { cache_n, prompt_n, prompt_ms, predicted_n, predicted_ms } = timings;
  const predicted = silent ? 0 : predicted_n;
  const each = (ms: number, count: number) => (count > 0 ? ms / count : 0);
  return {
    ...part(content, true),
    model,
    tokens_predicted: predicted,
    tokens_evaluated: cache_n + prompt_n,
    tokens_cached: cache_n + prompt_n + predicted,
    truncated: false,
    has_new_line: content.includes("\n"),
    stop_type: finish === "length" ? "limit" : "eos",
    stopping_word: "",
    timings: {
      ...timings,
      predicted_n: predicted,
      prompt_per_token_ms: each(prompt_ms, prompt_n),
      prompt_per_second: each(1000 * prompt_n, prompt_ms),
      predicted_per_token_ms: each(predicted_ms, predicted),
    },
    outrider: account,
  };
}

/** The paths that were asked for, each under its own name, as llama-server tells them; without any, all. */
function chosen(whole: object, { fields }: LlamaDialect): object {
  if (!fields?.length) return whole;
  const at = (path: string): unknown =>
    path
      .split("/")
      .reduce<unknown>((value, key) => (Object.hasOwn(Object(value), key) ? (value as never)[key] : undefined), whole);
  return Object.fromEntries(fields.map((path) => [path, at(path)]).filter(([, value]) => value !== undefined));
}

const event = (json: object): string => `data: ${JSON.stringify(json)}\n\n`;

/** The events of a streamed answer: its pieces, then an object with what it took. */
class LlamaEvents implements Form {
  readonly contentType = "text/event-stream; charset=utf-8";
  readonly #head: Head;
  readonly #dialect: LlamaDialect;

  constructor(head: Head, dialect: LlamaDialect) {
    this.#head = head;
    this.#dialect = dialect;
  }

  begin(): string {
    return "";
  }

  piece({ text }: Piece): string {
    return text === "" || this.#dialect.silent ? "" : event(part(text, false));
  }

  end(outcome: Outcome): string {
    return event(chosen(answer(this.#head, "", outcome, this.#dialect), this.#dialect));
  }

  failed(error: unknown): string {
    return errorEvent(error);
  }
}
