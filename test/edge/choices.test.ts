/** Several choices as one body: what each answers, its index, usage, seeds, errors, and a client that leaves. */
import { expect, test } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { parseChat } from "../../src/edge/api/openai/openai.ts";
import { formOf } from "../../src/edge/api/openai/stream.ts";
import type { Outcome } from "../../src/edge/api/outcome.ts";
import { askChoices } from "../../src/edge/door/choices.ts";
import type { Generation } from "../../src/edge/prompt/generation.ts";

const asked = (fields: object): Generation =>
  parseChat({ model: "m", messages: [{ role: "user", content: "Hi" }], seed: 5, n: 3, ...fields }, () => 0);

const text = (choice: number) => `text ${choice} of "choices":[] é`;

/** As a Session answers: in pieces that end anywhere. */
async function answer(generation: Generation): Promise<Response> {
  const { choice, sampling } = generation;
  const head = { kind: "chat" as const, id: "id", created: 1, model: "m", index: choice };
  const form = formOf(head, generation);
  const token = { id: 1, text: text(choice), kept: false, pass: 1 };
  const outcome = {
    finish: "stop",
    timings: { cache_n: choice === 0 ? 0 : 6, prompt_n: choice === 0 ? 7 : 1, predicted_n: 10 + choice },
    account: { seed: sampling.seed },
  } as unknown as Outcome;
  const body = form.begin() + form.piece({ text: token.text, tokens: [token] }) + form.end(outcome);
  const bytes = new TextEncoder().encode(body);
  return new Response(
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += 7) controller.enqueue(bytes.slice(at, at + 7));
        controller.close();
      },
    }),
  );
}

const eventsOf = (body: string) =>
  body
    .trimEnd()
    .split("\n\n")
    .map((event) => event.slice("data: ".length));

test("whole: all choices, usage in which the prompt counts once, and the seeds", async () => {
  const body = (await (await askChoices(asked({}), answer)).json()) as Record<string, never>;
  expect(body).toMatchObject({
    choices: [0, 1, 2].map((index) => ({ index, message: { content: text(index) } })),
    usage: { prompt_tokens: 7, completion_tokens: 33, total_tokens: 40 },
    outrider: { seed: 5, seeds: [5, expect.any(Number), expect.any(Number)] },
  });
});

test("whole: a choice stays the text that its Session wrote, which may have megabytes", async () => {
  const written = (choice: number) =>
    `{"index": ${choice}, "logprob": -0.50, "text": "],\\"usage\\":{\\"choices\\":["}`;
  const rest = '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2},"outrider":{"seed":1}';
  const body = await askChoices(
    asked({}),
    async ({ choice }) => new Response(`{"id":"a","choices":[${written(choice)}],${rest}}`),
  ).then((response) => response.text());
  expect(body).toContain(`"choices":[${[0, 1, 2].map(written).join()}],"usage":`);
  expect(JSON.parse(body)).toMatchObject({ id: "a", choices: { length: 3 }, usage: { completion_tokens: 3 } });
});

test.each([true, false])(
  "streamed: each choice under its index, one end; usage alone at the end: %s",
  async (usage) => {
    const generation = asked({ stream: true, stream_options: { include_usage: usage } });
    const events = eventsOf(await (await askChoices(generation, answer)).text());
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

test("one choice is passed through as it is", async () => {
  const one = await answer(asked({ n: 1 }));
  expect(await askChoices(asked({ n: 1 }), async () => one)).toBe(one);
});

test("a refusal of any choice: its own status; in a stream its event and the end", async () => {
  const refuses = (at: number) => async (generation: Generation) =>
    generation.choice === at ? Response.json({ error: { code: "x" } }, { status: 503 }) : answer(generation);
  for (const at of [0, 2]) expect((await askChoices(asked({}), refuses(at))).status).toBe(503);
  expect((await askChoices(asked({ stream: true }), refuses(0))).status).toBe(503);
  const events = eventsOf(await (await askChoices(asked({ stream: true }), refuses(2))).text());
  expect(JSON.parse(events.at(-1)!)).toEqual({ error: { code: "x" } });
  const throws = async (generation: Generation) => {
    if (generation.choice === 1) throw new OutriderError("session_busy", "busy", { status: 429 });
    return answer(generation);
  };
  const thrown = eventsOf(await (await askChoices(asked({ stream: true }), throws)).text());
  expect(JSON.parse(thrown.at(-1)!)).toMatchObject({ error: { code: "session_busy" } });
});

test("a client that leaves ends the choice under way, and no other begins", async () => {
  let begun = 0;
  let cancelled = false;
  const slow = async () => {
    begun++;
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(new TextEncoder().encode("data: {}\n\n")),
      cancel: () => {
        cancelled = true;
      },
    });
    return new Response(body);
  };
  const reader = (await askChoices(asked({ stream: true }), slow)).body!.getReader();
  await reader.read();
  await reader.cancel();
  expect({ begun, cancelled }).toEqual({ begun: 1, cancelled: true });
});
