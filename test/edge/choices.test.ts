/** Several choices as one body: what each answers, its index, usage, seeds, errors, and a client that leaves. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { errorResponse } from "../../src/edge/api/error-response.ts";
import { parseChat } from "../../src/edge/api/openai/openai.ts";
import { type ChoiceEnds, formOf } from "../../src/edge/api/openai/stream.ts";
import type { Outcome } from "../../src/edge/api/outcome.ts";
import { choiceOf, type Generation } from "../../src/edge/prompt/generation.ts";
import { type LiveAnswer, respond } from "../../src/edge/session/respond.ts";

beforeEach(() => vi.stubGlobal("scheduler", { wait: async () => {} }));
afterEach(() => vi.unstubAllGlobals());

const asked = (fields: object): Generation =>
  parseChat({ model: "m", messages: [{ role: "user", content: "Hi" }], seed: 5, n: 3, ...fields }, () => 0);

const text = (choice: number) => `text ${choice} of "choices":[] é`;

/** Choices of which each is one piece. What happened to them is written down. */
class Choices {
  readonly generation: Generation;
  readonly log: string[] = [];
  /** What a choice is refused with. */
  readonly refusals: Readonly<Record<number, OutriderError>>;
  readonly #ends: ChoiceEnds = { outcomes: [], texts: [] };
  #choice = 0;

  constructor(fields: object, refusals: Readonly<Record<number, OutriderError>> = {}) {
    this.generation = asked(fields);
    this.refusals = refusals;
  }

  #begin(choice: number): LiveAnswer {
    this.log.push(`${choice} begins`);
    if (this.refusals[choice]) throw this.refusals[choice];
    const generation = choiceOf(this.generation, choice);
    const head = { kind: "chat" as const, id: "id", created: 1, model: "m", index: choice };
    const token = { id: 1, text: text(choice), kept: false, pass: 1 };
    const outcome = {
      finish: "stop",
      timings: { cache_n: choice === 0 ? 0 : 6, prompt_n: choice === 0 ? 7 : 1, predicted_n: 10 + choice },
      account: { seed: generation.sampling.seed },
    } as unknown as Outcome;
    const turn = {
      head,
      closed: false,
      close(): void {
        this.closed = true;
      },
    };
    return {
      turn,
      form: formOf(head, generation, "", this.#ends),
      account: { end: () => outcome, fail: () => this.log.push(`${choice} fails`) },
      first: { done: false, value: { text: token.text, tokens: [token] } },
      rest: (async function* () {
        await new Promise((resolve) => setTimeout(resolve, 1));
        yield { text: "", tokens: [] };
        return {};
      })(),
      written: async () => {},
      leave: async () => void this.log.push(`${choice} leaves`),
    } as unknown as LiveAnswer;
  }

  respond(): Promise<Response> {
    return respond(this.#begin(0), {
      next: async (answer) => {
        if (++this.#choice === this.generation.n) return null;
        await answer.leave();
        return this.#begin(this.#choice);
      },
      end: () => this.log.push("the end"),
      refused: errorResponse,
      later: () => {},
    });
  }
}

const eventsOf = (body: string) =>
  body
    .trimEnd()
    .split("\n\n")
    .map((event) => event.slice("data: ".length));

test("each choice has a seed of its own, and the first has the request's", () => {
  const seeds = [0, 1, 2].map((choice) => choiceOf(asked({}), choice).sampling.seed);
  expect(new Set(seeds).size).toBe(3);
  expect(seeds[0]).toBe(5);
});

test("whole: all choices, usage in which the prompt counts once, and the seeds", async () => {
  const choices = new Choices({});
  expect(await (await choices.respond()).json()).toMatchObject({
    choices: [0, 1, 2].map((index) => ({ index, message: { content: text(index) } })),
    usage: { prompt_tokens: 7, completion_tokens: 33, total_tokens: 40 },
    outrider: { seed: 5, seeds: [5, expect.any(Number), expect.any(Number)] },
  });
  expect(choices.log).toEqual([0, 1, 2].flatMap((n) => [`${n} begins`, `${n} leaves`]).concat("the end"));
});

test.each([true, false])(
  "streamed: each choice under its index, one end; usage alone at the end: %s",
  async (usage) => {
    const choices = new Choices({ stream: true, stream_options: { include_usage: usage } });
    const events = eventsOf(await (await choices.respond()).text());
    expect(events.pop()).toBe("[DONE]");
    expect(events).not.toContain("[DONE]");
    const chunks = events.map((event) => JSON.parse(event));
    const texts = ["", "", ""];
    for (const { choices } of chunks) for (const { index, delta } of choices) texts[index] += delta.content ?? "";
    expect(texts).toEqual([0, 1, 2].map(text));
    const alone = chunks.filter(({ choices }) => choices.length === 0);
    expect(alone).toHaveLength(usage ? 1 : 0);
    if (!usage) return;
    expect(chunks.at(-1)).toMatchObject({
      usage: { prompt_tokens: 7, completion_tokens: 33, total_tokens: 40 },
      outrider: { seeds: { length: 3 } },
    });
  },
);

test("one choice names no seeds", async () => {
  const { outrider } = (await (await new Choices({ n: 1 }).respond()).json()) as { outrider: object };
  expect(outrider).toEqual({ seed: 5 });
});

test("a refusal of any choice: its own status; in a stream its event and the end", async () => {
  const busy = new OutriderError("session_busy", "busy", { status: 429 });
  const whole = new Choices({}, { 2: busy });
  expect((await whole.respond()).status).toBe(429);
  expect(whole.log.at(-1)).toBe("the end");
  const streamed = new Choices({ stream: true }, { 1: busy });
  const events = eventsOf(await (await streamed.respond()).text());
  expect(JSON.parse(events.at(-1)!)).toMatchObject({ error: { code: "session_busy" } });
  expect(events.join()).toContain("text 0");
});

test("a client that leaves ends the choice under way, and no other begins", async () => {
  const choices = new Choices({ stream: true });
  const reader = (await choices.respond()).body!.getReader();
  await reader.read();
  await reader.cancel();
  await vi.waitFor(() => expect(choices.log.at(-1)).toBe("the end"));
  expect(choices.log).toEqual(["0 begins", "0 fails", "0 leaves", "the end"]);
});
