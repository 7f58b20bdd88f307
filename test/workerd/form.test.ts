/** Answers of a form through edge and origin in workerd, by a model that writes nonsense: whatever it says has the form. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Running, start } from "./harness.ts";

let run: Running;
beforeAll(async () => {
  run = await start();
});
afterAll(() => run.close());

interface Answer {
  readonly choices: { readonly message: { readonly content: string }; readonly finish_reason: string }[];
  readonly usage: { readonly completion_tokens: number };
  readonly timings: { readonly target_passes: number };
  readonly error?: { readonly code: string; readonly message: string; readonly param: string };
}

async function ask(form: object, given: object = {}): Promise<Answer> {
  const messages = [{ role: "user", content: "Tell me about the road" }];
  const body = { model: "tiny", messages, seed: 7, max_tokens: 300, ...form, ...given };
  const response = await fetch(`${run.url}/v1/chat/completions`, { method: "POST", body: JSON.stringify(body) });
  return (await response.json()) as Answer;
}

const schema = {
  type: "object",
  properties: {
    surface: { enum: ["gravel", "tarmac"] },
    lanes: { type: "integer", minimum: 1, maximum: 8 },
    names: { type: "array", items: { type: "string", maxLength: 6 }, maxItems: 2 },
  },
  required: ["surface", "lanes", "names"],
  additionalProperties: false,
};
const FORMS: Record<string, { form: object; has: (text: string) => boolean }> = {
  json_schema: {
    form: { response_format: { type: "json_schema", json_schema: { name: "road", schema } } },
    has: (text) => Object.keys(JSON.parse(text)).join() === "surface,lanes,names" && JSON.parse(text).lanes <= 8,
  },
  regex: { form: { guided_regex: "[ab]{3}-[0-9]{2}" }, has: (text) => /^[ab]{3}-[0-9]{2}$/.test(text) },
  choice: { form: { structured_outputs: { choice: ["left", "right"] } }, has: (text) => /^(left|right)$/.test(text) },
  grammar: { form: { grammar: 'root ::= "(" root ")" | "x"' }, has: (text) => /^\(*x\)*$/.test(text) },
};

for (const [name, { form, has }] of Object.entries(FORMS)) {
  test(`${name}: the same text with drafts on and off, and it has the form`, async () => {
    for (const temperature of [0, 1]) {
      const texts = new Set<string>();
      for (const draft of ["off", "model", "lookup", "both"]) {
        const { choices, usage, timings, error } = await ask(form, { temperature, outrider: { draft } });
        expect(error).toBeUndefined();
        expect(choices[0]!.finish_reason).toBe("stop");
        texts.add(choices[0]!.message.content);
        if (name === "json_schema") expect(timings.target_passes).toBeLessThan(usage.completion_tokens);
      }
      expect([...texts]).toHaveLength(1);
      expect([...texts].every(has)).toBe(true);
    }
  });
}

test("what only the origin finds out is the client's error as well, and keeps no origin from others", async () => {
  const prime = { type: "integer", minimum: 0, maximum: 9_007_199_254_740_991, multipleOf: 7919 };
  const answered = await ask({ guided_json: prime }, { outrider: { draft: "off" } });
  expect(answered.error).toMatchObject({ code: "grammar_too_complex", param: "guided_json" });
  const nothing = await ask({ allowed_token_ids: [3], logit_bias: [[3, false]] });
  expect(nothing.error).toMatchObject({ code: "nothing_allowed", type: "invalid_request_error" });
  expect((await ask({ guided_choice: ["a"] })).choices[0]!.message.content).toBe("a");
});

test("2,000 properties are answered, required ones and others", async () => {
  const properties = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`p${i}`, { type: "string" }]));
  for (const required of [undefined, Object.keys(properties)]) {
    const schema = { type: "object", properties, required, additionalProperties: false };
    const texts = new Set<string>();
    for (const draft of ["off", "both"]) {
      const { choices, error } = await ask({ guided_json: schema }, { max_tokens: 24, outrider: { draft } });
      expect(error).toBeUndefined();
      texts.add(choices[0]!.message.content);
    }
    expect([...texts]).toHaveLength(1);
    expect([...texts][0]).toMatch(/^\{/);
  }
});

test("what cannot be enforced is refused with its place, before anything is generated", async () => {
  const unique = { type: "array", uniqueItems: true };
  const { error } = await ask({ response_format: { type: "json_schema", json_schema: { schema: unique } } });
  expect(error).toMatchObject({ code: "unsupported_schema", param: "response_format" });
  expect(error?.message).toContain("#/uniqueItems");
  const guided = await ask({ guided_json: unique });
  expect(guided.error).toMatchObject({ code: "unsupported_schema", param: "guided_json" });
  const names = Object.fromEntries(Array.from({ length: 9000 }, (_, i) => [`p${i}`, {}]));
  const large = await ask({ json_schema: { properties: names } });
  expect(large.error).toMatchObject({ code: "grammar_too_complex", param: "json_schema" });
  expect(large.error?.message).toContain("more than 4 MiB");
  const two = await ask({ guided_regex: "a", guided_choice: ["a"] });
  expect(two.error?.message).toContain("guided_choice: guided_regex asks for a form, too");
  const endless = await ask({ guided_regex: "a" }, { ignore_eos: true });
  expect(endless.error?.message).toContain("ignore_eos");
});
