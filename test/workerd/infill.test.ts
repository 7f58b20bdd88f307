/** llama-server's own routes in the Worker, as editors ask them: /infill, /completion, /props, on the tiny pair. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeFillPacks } from "../support/fill-packs.ts";
import { type Running, start } from "./harness.ts";

let home: string;
let run: Running;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "outrider-infill-"));
  run = await start({ packs: await writeFillPacks(home) });
});
afterAll(async () => {
  await run?.close();
  rmSync(home, { recursive: true, force: true });
});

interface Answer {
  readonly content: string;
  readonly stop: boolean;
  readonly tokens_predicted: number;
  readonly tokens_evaluated: number;
  readonly stop_type: string;
  readonly timings: Readonly<Record<string, number>>;
}

const cursor = {
  input_prefix: "The riders went ahead.\nThe road\n",
  prompt: "They said that ",
  input_suffix: "\nand the wagons followed.",
};
const greedy = { temperature: 0, n_predict: 12 };
const post = (path: string, body: object) => run.post(path, body);
async function infill(fields: object = {}): Promise<Answer> {
  const response = await post("/infill", { ...cursor, ...greedy, ...fields });
  expect(response.status, await response.clone().text()).toBe(200);
  return (await response.json()) as Answer;
}

describe("POST /infill", () => {
  test("says what /v1/completions says with the same prefix and suffix", async () => {
    const { content, stop, tokens_predicted, stop_type } = await infill();
    const { input_prefix, prompt, input_suffix } = cursor;
    const completion = { prompt: input_prefix + prompt, suffix: input_suffix, temperature: 0, max_tokens: 12 };
    const response = await post("/v1/completions", completion);
    const { choices } = (await response.json()) as { choices: { text: string }[] };
    expect(content).toBe(choices[0]!.text);
    expect({ stop, tokens_predicted, stop_type }).toEqual({ stop: true, tokens_predicted: 12, stop_type: "limit" });
  });

  test("streams the same text", async () => {
    const whole = await infill();
    const response = await post("/infill", { ...cursor, ...greedy, stream: true });
    const events = (await response.text())
      .split("\n\n")
      .filter((event) => event !== "")
      .map((event) => JSON.parse(event.replace(/^data: /, "")) as Answer);
    expect(events.map(({ content }) => content).join("")).toBe(whole.content);
    expect(events.map(({ stop }) => stop)).toEqual([...events.slice(1).map(() => false), true]);
    expect(events.at(-1)!.timings.predicted_n).toBe(12);
  });

  test("the same text with drafts on, off, and after a warm-up", async () => {
    const alone = await infill({ outrider: { draft: "off" } });
    const drafted = await infill({ outrider: { draft: "both", patience_ms: 2000 } });
    expect(drafted.content).toBe(alone.content);
    const warm = await infill({ n_predict: 0, input_prefix: `${cursor.input_prefix}Behind it\n` });
    expect(warm).toMatchObject({ content: "", tokens_predicted: 0 });
    expect((await infill()).content).toBe(alone.content);
  });

  test("a further character of the line has at most its line read again", async () => {
    const key = { prompt_cache_key: "a file" };
    const first = await infill({ ...key, input_prefix: `${"The road went on.\n".repeat(40)}`, prompt: "They" });
    expect(first.timings.prompt_n).toBeGreaterThan(200);
    const next = await infill({ ...key, input_prefix: `${"The road went on.\n".repeat(40)}`, prompt: "They s" });
    expect(next.timings.prompt_n).toBeLessThanOrEqual(8);
    expect(next.tokens_evaluated).toBeGreaterThan(200);
  });

  test("other files change what is said", async () => {
    const files = await infill({ input_extra: [{ filename: "wagons.txt", text: "The wagons are late.\n" }] });
    const none = await infill();
    expect(files.tokens_evaluated).toBeGreaterThan(none.tokens_evaluated);
  });

  test("response_fields tells the paths that are named, and no others", async () => {
    const fields = ["content", "timings/prompt_n", "nothing/there"];
    const answer = await infill({ response_fields: fields });
    expect(Object.keys(answer)).toEqual(["content", "timings/prompt_n"]);
  });

  test("`samplers` with infill takes the likeliest token", async () => {
    const asked = { temperature: undefined, samplers: ["top_k", "top_p", "infill"], top_k: 40, top_p: 0.9 };
    expect((await infill(asked)).content).toBe((await infill()).content);
  });

  test("n_indent ends an answer before a line with fewer blanks", async () => {
    const long = await infill({ n_predict: 200, ignore_eos: true });
    expect(long.content).toMatch(/\n\S/);
    const cut = await infill({ n_predict: 200, ignore_eos: true, n_indent: 1 });
    expect(long.content.startsWith(cut.content)).toBe(true);
    expect(cut.content).not.toMatch(/\n\S/);
    expect(cut.content.length).toBeLessThan(long.content.length);
  });

  test("what nobody knows is named in a header", async () => {
    const response = await post("/infill", { ...cursor, ...greedy, cache_prompt: true, t_max_prompt_ms: 500 });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-outrider-ignored")).toBe("cache_prompt, t_max_prompt_ms");
  });

  test.each([
    ["a sampler that nobody knows", { samplers: ["guess"] }, 400, "samplers"],
    ["another model", { model: "other" }, 404, "model"],
    ["two answers", { n: 2 }, 400, "n"],
  ])("%s is refused by name", async (_, fields, status, param) => {
    const response = await post("/infill", { ...cursor, ...greedy, ...fields });
    expect(response.status).toBe(status);
    expect(((await response.json()) as { error: { param: string } }).error.param).toBe(param);
  });
});

test("POST /completion goes on with a prompt", async () => {
  const body = { prompt: "The road to the river", temperature: 0, n_predict: 8 };
  const { content } = (await (await post("/completion", body)).json()) as Answer;
  const response = await post("/v1/completions", { prompt: body.prompt, temperature: 0, max_tokens: 8 });
  const { choices } = (await response.json()) as { choices: { text: string }[] };
  expect(content).toBe(choices[0]!.text);
});

test("GET /props and /slots tell the context", async () => {
  const props = (await (await fetch(`${run.url}/props`)).json()) as { default_generation_settings: { n_ctx: number } };
  const slots = (await (await fetch(`${run.url}/slots`)).json()) as { n_ctx: number }[];
  expect(props.default_generation_settings.n_ctx).toBe(2048);
  expect(slots).toEqual([{ id: 0, n_ctx: 2048, is_processing: false }]);
});
