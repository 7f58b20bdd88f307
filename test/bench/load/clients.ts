/** Clients of the loaded service, and what they have seen. */
import { readEvents } from "../../support/events.ts";

interface Asked {
  /** Of each answer. */
  readonly tokens: number;
  /** Who drafts. */
  readonly draft: string;
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
  readonly usage?: { readonly completion_tokens: number; readonly total_tokens: number } | null;
}

/** About 40 tokens of the tiny model. */
const opening = (name: string): string => `${name}: what did the riders see on the road north?`;

export class Clients {
  /** From a request to its first text, ms. */
  readonly firsts: number[] = [];
  /** Between two chunks with text, ms. */
  readonly gaps: number[] = [];
  answers = 0;
  tokens = 0;
  /** Answers that were refused or broke off. */
  lost = 0;
  /** Tokens of the longest conversation. */
  longest = 0;
  readonly #url: string;
  readonly #asked: Asked;

  constructor(url: string, asked: Asked) {
    this.#url = url;
    this.#asked = asked;
  }

  /** A conversation, one turn behind the other. */
  async converse(key: string, name: string, turns: number): Promise<void> {
    const messages: object[] = [];
    for (let turn = 0; turn < turns; turn++) {
      messages.push({ role: "user", content: turn === 0 ? opening(name) : "And then?" });
      try {
        messages.push({ role: "assistant", content: await this.#ask(key, name, messages) });
      } catch (error) {
        if (this.lost++ === 0) process.stderr.write(`the first answer lost: ${error}\n`);
        return;
      }
    }
  }

  async #ask(key: string, name: string, messages: readonly object[]): Promise<string> {
    const from = performance.now();
    const response = await fetch(`${this.#url}/v1/chat/completions`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${key}`,
        "x-session-affinity": name,
      },
      body: JSON.stringify({
        model: "tiny",
        messages,
        stream: true,
        stream_options: { include_usage: true },
        temperature: 0,
        max_tokens: this.#asked.tokens,
        outrider: { draft: this.#asked.draft },
      }),
    });
    if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
    let text = "";
    let last = 0;
    let usage: Chunk["usage"];
    for await (const event of readEvents(response.body)) {
      const chunk = event as Chunk;
      usage = chunk.usage ?? usage;
      const added = chunk.choices?.[0]?.delta?.content ?? "";
      if (added === "") continue;
      const now = performance.now();
      if (last === 0) this.firsts.push(now - from);
      else this.gaps.push(now - last);
      last = now;
      text += added;
    }
    if (!usage) throw new Error("the stream ended without its usage");
    this.answers++;
    this.tokens += usage.completion_tokens;
    this.longest = Math.max(this.longest, usage.total_tokens);
    return text;
  }
}
