/** One schema through the service: three answers of one text, and the passes that each took. */
import { faultOf } from "../../src/core/grammar/check.ts";

/** Where edges answer, the one without masked drafts too, and what the target is called. */
interface Edges {
  readonly url: string;
  readonly plainUrl: string;
  readonly model: string;
}

export interface Asked {
  /** Whether the answer came to its end. */
  readonly ended: boolean;
  readonly tokens: number;
  /** Target passes: without drafts, with them, and as if there were neither masked drafts nor tokens without a pass. */
  readonly off: number;
  readonly on: number;
  readonly plain: number;
  /** What is wrong, in words. */
  readonly fault: string | null;
}

interface Answer {
  readonly text: string;
  readonly finish: string;
  readonly tokens: number;
  readonly passes: number;
}

/** Of a long schema the beginning alone is in the prompt: what is asked about is the form, which holds whole. */
const SHOWN = 800;
/** A pass waits until a draft has come: how fast this machine drafts must not change what is counted. */
const PATIENCE_MS = 10_000;
const SEED = 1;

/** What a client is told where a form cannot be enforced. */
const REFUSALS = new Set([
  "unsupported_schema",
  "unsupported_pattern",
  "grammar_too_complex",
  "impossible_constraint",
  "body_too_large",
]);

export class Asking {
  readonly #edges: Edges;
  readonly #tokens: number;

  constructor(edges: Edges, tokens: number) {
    this.#edges = edges;
    this.#tokens = tokens;
  }

  /** Null where the schema is refused by name. Rejects where the service does anything else but answer. */
  async ask(name: string, schema: unknown, temperature: number): Promise<Asked | null> {
    const { url, plainUrl } = this.#edges;
    const asked = { name, schema, temperature };
    const off = await this.#answer(url, asked, { outrider: { draft: "off" } });
    if (!off) return null;
    const drafts = { draft: "both", patience_ms: PATIENCE_MS };
    const on = (await this.#answer(url, asked, { outrider: drafts }))!;
    const plain = (await this.#answer(plainUrl, asked, { outrider: drafts, logprobs: true }))!;
    const texts = [off, on, plain].map(({ text }) => text);
    const ended = off.finish === "stop";
    const differs =
      new Set(texts).size > 1 && `the texts differ: ${texts.map((text) => JSON.stringify(text)).join(" ")}`;
    const malformed = ended && faultOf({ kind: "schema", schema }, off.text);
    const fault = differs || (malformed && `${malformed}: ${off.text}`) || null;
    return { ended, tokens: off.tokens, off: off.passes, on: on.passes, plain: plain.passes, fault };
  }

  async #answer(
    url: string,
    { name, schema, temperature }: { name: string; schema: unknown; temperature: number },
    given: object,
  ): Promise<Answer | null> {
    const content = `Write JSON for this schema:\n${JSON.stringify(schema).slice(0, SHOWN)}`;
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-session-affinity": name },
      body: JSON.stringify({
        model: this.#edges.model,
        messages: [{ role: "user", content }],
        response_format: { type: "json_schema", json_schema: { name: "form", schema } },
        ...{ temperature, seed: SEED, max_tokens: this.#tokens },
        ...given,
      }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: the shapes are checked in test/edge
    const body = (await response.json()) as any;
    if (REFUSALS.has(body.error?.code)) return null;
    if (!response.ok) throw new Error(`${name}: ${response.status}: ${JSON.stringify(body.error)}`);
    const [choice] = body.choices;
    return {
      text: choice.message.content,
      finish: choice.finish_reason,
      tokens: body.timings.predicted_n,
      passes: body.timings.target_passes,
    };
  }
}
