/** Of each field of three dialects it is said what becomes of it, and that becomes of it. */
import { describe, expect, test } from "vitest";
import { openapi } from "../../src/edge/api/document/openapi.ts";
import { parseMessages, REFUSED_OF_MESSAGES } from "../../src/edge/api/messages/request.ts";
import { nearest } from "../../src/edge/api/nearest.ts";
import { FIELDS, withoutEffect } from "../../src/edge/api/openai/fields.ts";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";
import { parseResponses, REFUSED_OF_RESPONSES } from "../../src/edge/api/responses/request.ts";

const chat = { model: "m", messages: [{ role: "user", content: "Hi" }] };
const text = { model: "m", prompt: "Once" };
const asked = { chat: (fields: object) => parseChat({ ...chat, ...fields }, () => 7) } as const;
const both = {
  ...asked,
  text: (fields: object) => parseCompletion({ ...text, ...fields }, () => 7),
};

/** A value that asks for something. */
const SOME = { deep: [1] };

const outer = Object.entries(FIELDS).filter(([name]) => !name.includes("."));

test("exactly the honoured fields are those that the schemas read", () => {
  const { ChatRequest, CompletionRequest } = openapi().components.schemas;
  const read = {
    chat: Object.keys(ChatRequest?.properties ?? {}),
    text: Object.keys(CompletionRequest?.properties ?? {}),
  };
  for (const door of ["chat", "text"] as const) {
    const honoured = outer.filter(([, field]) => field.fate === "honoured" && (field.door ?? door) === door);
    expect(honoured.map(([name]) => name).sort()).toEqual(read[door].sort());
  }
});

describe.each(["chat", "text"] as const)("at the door %s", (door) => {
  const refused = outer.filter(([, field]) => field.fate === "refused");
  test.each(refused)("%s is refused with the reason, and passes where it asks for nothing", (name, { fine, why }) => {
    expect(() => both[door]({ [name]: SOME })).toThrow(
      expect.objectContaining({ code: "unsupported_parameter", param: name, message: expect.stringContaining(why!) }),
    );
    for (const value of [null, ...(fine ?? [false, 0, "", [], {}])]) {
      expect(() => both[door]({ [name]: value }), JSON.stringify(value)).not.toThrow();
    }
  });

  const ignored = outer.filter(([, field]) => field.fate === "ignored");
  test.each(ignored)("%s is without effect and is named", (name) => {
    const plain = both[door]({});
    expect(both[door]({ [name]: SOME })).toEqual(plain);
    expect(withoutEffect({ model: "m", [name]: SOME })).toEqual([name]);
  });

  test("a field of the other door is refused", () => {
    const others = outer.filter(([, field]) => field.fate === "honoured" && field.door && field.door !== door);
    expect(others.length).toBeGreaterThan(1);
    for (const [name] of others) {
      expect(() => both[door]({ [name]: SOME })).toThrow(expect.objectContaining({ param: name }));
    }
  });

  test("no field of the table is taken for another's misspelling", () => {
    for (const [name] of outer) {
      try {
        both[door]({ [name]: SOME });
      } catch (error) {
        expect((error as Error).message).not.toContain("did you mean");
      }
    }
  });
});

const responses = (fields: object) => parseResponses({ model: "m", input: "Hi", ...fields }, () => 7);
const anthropic = (fields: object) => parseMessages({ ...chat, max_tokens: 9, ...fields }, () => 7);

describe.each([
  ["/v1/responses", responses, REFUSED_OF_RESPONSES],
  ["/v1/messages", anthropic, REFUSED_OF_MESSAGES],
] as const)("%s", (_, door, refusals) => {
  test.each(Object.entries(refusals))(
    "refuses %s with the reason, and null asks for nothing",
    (name, { why, fine }) => {
      const refusal = { code: "unsupported_parameter", param: name, message: expect.stringContaining(why) };
      expect(() => door({ [name]: 7 })).toThrow(expect.objectContaining(refusal));
      for (const value of [null, ...(fine ?? [])]) expect(() => door({ [name]: value })).not.toThrow();
    },
  );

  test.each(outer.filter(([, { fate, door: only }]) => fate !== "honoured" && only !== "text"))(
    "takes %s as a chat request does: refuses it, or names it",
    (name, { fate }) => {
      // Those are the Responses API's own.
      if (door === responses && ["metadata", "store", "tools"].includes(name)) return;
      // Some are renamed there: reasoning.effort, text.verbosity.
      const param = expect.stringMatching(`(^|\\.)${name.replace("_", ".")}$`);
      if (fate === "refused") expect(() => door({ [name]: SOME })).toThrow(expect.objectContaining({ param }));
      else expect(door({ [name]: SOME }).ignored).toEqual([name]);
    },
  );
});

test.each<[object, string[]]>([
  [{ metadata: { a: "b" }, store: false, include: ["message.output_text.logprobs"], text: { format: null } }, []],
  [{ max_tool_calls: 3, stream_options: { include_obfuscation: false } }, ["max_tool_calls", "stream_options"]],
  [
    { reasoning: { effort: "none", summary: "auto", "a\nb": 1 }, text: { style: 1 } },
    ["reasoning.summary", "text.style"],
  ],
  [{ include: ["reasoning.encrypted_content"] }, ["include[].reasoning.encrypted_content"]],
  [
    {
      input: [
        { type: "reasoning", summary: [] },
        { role: "user", content: "Hi" },
      ],
    },
    ["input[].reasoning"],
  ],
  [{ some_future_field: 1 }, ["some_future_field"]],
])("/v1/responses names what is without effect: %j", (fields, names) => {
  expect(responses(fields).ignored).toEqual(names);
});

const marked = [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }];
test.each<[object, string[]]>([
  [{ stop_sequences: ["x"], thinking: { type: "disabled" }, system: "Be short", tools: [] }, []],
  [{ stream_options: { include_usage: true } }, ["stream_options"]],
  [{ system: marked }, ["cache_control"]],
  [{ messages: [{ role: "user", content: marked, name: "ann" }] }, ["messages[].name", "cache_control"]],
])("/v1/messages names what is without effect: %j", (fields, names) => {
  expect(anthropic(fields).ignored).toEqual(names);
});

test("what is inside of others is named, too; what nobody knows; and nothing that asks for nothing", () => {
  const body = {
    messages: [{ role: "user", content: "Hi", name: "ann", refusal: null }],
    stream_options: { include_usage: true, include_obfuscation: false },
    user: null,
    some_future_field: 1,
    "a\r\nset-cookie: x": 1,
  };
  expect(withoutEffect(body)).toEqual(["messages[].name", "stream_options.include_obfuscation", "some_future_field"]);
});

/** Fields of the three dialects that change no text and have no row. */
const WITHOUT_ROWS =
  "user safety_identifier metadata store service_tier priority prompt_cache_options prompt_cache_retention cache_prompt cache_salt id_slot n_cache_reuse kv_transfer_params ec_transfer_params preserved_tokens reasoning_control include_reasoning dynatemp_exponent xtc_threshold dry_base dry_allowed_length dry_penalty_last_n dry_sequence_breakers mirostat_tau mirostat_eta adaptive_decay truncation_side backend_sampling timings_per_token return_progress sse_ping_interval stream_interval verbose";

test.each(WITHOUT_ROWS.split(" "))("%s, which has no row, is taken for no misspelt field, and is named", (name) => {
  for (const door of ["chat", "text"] as const) expect(both[door]({ [name]: SOME })).toEqual(both[door]({}));
  expect(withoutEffect({ model: "m", [name]: SOME })).toEqual([name]);
});

test("the header has a bound", () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`field_number_${i}_of_many`, 1]));
  expect(withoutEffect(many).join(", ").length).toBeLessThan(2000);
});

test("the nearest name", () => {
  const names = Object.keys(FIELDS);
  const cases: [string, string | null][] = [
    ["temprature", "temperature"],
    ["Temperature", "temperature"],
    ["max_token", "max_tokens"],
    ["topk", "top_k"],
    ["toolz", "tools"],
    ["frequency_penality", "frequency_penalty"],
    ["strema", "stream"],
    ["some_future_field", null],
    ["x", null],
    ["", null],
  ];
  for (const [name, meant] of cases) expect(nearest(name, names), name).toBe(meant);
});
