/**
 * What a stranger's prompt and a stranger's template may cost: a text is refused without being read to its end, and a
 * template that does not end is stopped.
 */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { goldenJson } from "../support/golden.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const files = (pack: string, name: string) => readFileSync(`${pack}/${name}`, "utf8");
const SMOLLM2 = "models/smollm2-135m-draft-m/pack";
const tokenizer = openTokenizer(files(SMOLLM2, "tokenizer.json"));
const chat = new ChatTemplate(files(SMOLLM2, "tokenizer_config.json"), tokenizer);
const CONTEXT = 8192;

const small = Object.entries(goldenJson("small_tokenizers.json") as Record<string, { tokenizer: object }>);
const KINDS = [
  { name: "byte-level BPE", tokenizer },
  { name: "the tiny model's", tokenizer: openTokenizer(files(TINY_PACKS.target, "tokenizer.json")) },
  ...small.map(([name, { tokenizer: json }]) => ({ name, tokenizer: openTokenizer(JSON.stringify(json)) })),
];

const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "the road ",
        " river",
        "\n\n",
        "        ",
        "12345",
        "don't",
        "é",
        "🙂",
        "<|im_end|>",
        "aaaaaaaaaaaa",
      ),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));

describe.each(KINDS)("a limit of tokens, $name", ({ tokenizer: own }) => {
  test("what has at most as many has the same ids; what has more is refused", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: -3, max: 3 }), (said, off) => {
        for (const encode of [own.encode.bind(own), own.encodeInside.bind(own), own.encodeMarkup.bind(own)]) {
          const ids = encode(said);
          const most = Math.max(0, ids.length + off);
          if (ids.length <= most) expect(encode(said, most)).toEqual(ids);
          else expect(() => encode(said, most)).toThrow(expect.objectContaining({ code: "too_many_tokens" }));
        }
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

/** CPU that this process takes, ms. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** 400,000 characters of a kind. */
const long = (piece: string) => piece.repeat(Math.ceil(400_000 / piece.length));

describe("a prompt far over the context", () => {
  test.each(["7", "a1", '"', "a ", "🙂", "日本"])("of %j costs at most an eighth of what reading it costs", (piece) => {
    const messages = [{ role: "user", content: long(piece) }];
    const most = CONTEXT - 1;
    const refuse = () =>
      expect(() => chat.encode(messages, most)).toThrow(expect.objectContaining({ code: "too_many_tokens" }));
    refuse();
    // The faster of two: whatever else runs here takes time from one.
    const refusing = Math.min(cpuMs(refuse), cpuMs(refuse));
    expect(refusing * 8).toBeLessThan(cpuMs(() => chat.encode(messages)));
  });

  test("of special tokens, as a raw prompt, is refused at the limit", () => {
    const prompt = "<|im_end|>".repeat(100_000);
    expect(() => tokenizer.encodePrompt(prompt, CONTEXT)).toThrow(expect.objectContaining({ code: "too_many_tokens" }));
  });
});

test.each([null, {}, "a b", [1]])("merges that are %j are refused in words", (merges) => {
  const json = JSON.parse(files(TINY_PACKS.target, "tokenizer.json"));
  const lying = JSON.stringify({ ...json, model: { ...json.model, merges } });
  expect(() => openTokenizer(lying)).toThrow(expect.objectContaining({ code: "unsupported_tokenizer" }));
});

const JSONS = [
  { name: "byte-level BPE", json: JSON.parse(files(TINY_PACKS.target, "tokenizer.json")) as object },
  ...small.map(([name, { tokenizer: json }]) => ({ name, json })),
];

describe.each(JSONS)("the normaliser and pre-tokeniser of $name", ({ json }) => {
  const encode = (changed: object, said = "a cat") =>
    openTokenizer(JSON.stringify({ ...json, ...changed })).encode(said);
  const replace = (pattern: object, content: string) => ({ type: "Replace", pattern, content });
  const doubling = (times: number) => ({
    type: "Sequence",
    normalizers: Array.from({ length: times }, () => replace({ String: "a" }, "aa")),
  });

  test.each([
    ["doubles a letter 40 times", doubling(40)],
    ["has the 40 in sequences", { type: "Sequence", normalizers: [doubling(20), doubling(20)] }],
    ["makes a million letters of each", replace({ Regex: "." }, "a".repeat(1 << 20))],
  ])("one that %s is stopped in words", (_, normalizer) => {
    expect(() => encode({ normalizer })).toThrow(
      expect.objectContaining({ code: "bad_tokenizer", message: expect.stringContaining("262164 characters of 5") }),
    );
  });

  test("what is put in place of something is text, whatever it says", () => {
    const marked = replace({ String: "a" }, "$`$&$'");
    expect(encode({ normalizer: marked })).toEqual(encode({ normalizer: null }, "$`$&$' c$`$&$'t"));
    expect(encode({ normalizer: doubling(3) })).toEqual(encode({ normalizer: null }, "aaaaaaaa caaaaaaaat"));
  });

  const splits = { type: "Split", pattern: { Regex: "(((a)))" }, behavior: "Removed", invert: false };
  test.each([
    ["more than 64 steps", { normalizer: doubling(65) }, "normalizers has more than 64 steps"],
    ["a pre-tokeniser that replaces", { pre_tokenizer: replace({ String: "a" }, "aa") }, "must not make a text longer"],
    [
      "spaces that become words",
      { pre_tokenizer: { type: "Metaspace", str_rep: "  " } },
      "must not make a text longer",
    ],
    ["pieces without length", { pre_tokenizer: { type: "FixedLength", length: 0 } }, "a length of 1 or more"],
  ])("%s is refused", (_, changed, why) => {
    expect(() => encode(changed)).toThrow(
      expect.objectContaining({ code: "unsupported_tokenizer", message: expect.stringContaining(why) }),
    );
  });

  test("groups of a pattern make no further pieces", () => {
    const pre_tokenizer = { type: "Sequence", pretokenizers: Array.from({ length: 8 }, () => splits) };
    expect(encode({ normalizer: null, pre_tokenizer })).toEqual(encode({ normalizer: null, pre_tokenizer: splits }));
  });
});

describe("a template", () => {
  const own = openTokenizer(files(TINY_PACKS.target, "tokenizer.json"));
  const encode = (chat_template: string, messages = [{ role: "user", content: "Hi" }]) =>
    new ChatTemplate(JSON.stringify({ chat_template }), own).encode(messages);
  const refused = (why: string) =>
    expect.objectContaining({ code: "bad_messages", message: expect.stringContaining(why) });

  test.each([
    ["a long loop", "{% for i in range(900000) %}{{ i }}{% endfor %}", "range(900000) has more than"],
    ["loops in loops", "{% for i in range(9999) %}{% for j in range(9999) %}a{% endfor %}{% endfor %}", "steps"],
    [
      "empty loops over a list",
      "{% set r = range(9999) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
      "steps",
    ],
    [
      "filtered loops over a list",
      "{% set r = range(9999) %}{% for i in r %}{% for j in r if false %}{% endfor %}{% endfor %}",
      "steps",
    ],
    ["lists made anew", "{% set r = range(9999) %}{% for i in r %}{{ (r | list) | length }}{% endfor %}", "steps"],
    ["a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", ""],
    [
      "a text that doubles",
      `{% set ns = namespace(t='ab') %}{% for i in range(99) %}{% set ns.t = ns.t + ns.t %}{% endfor %}{{ ns.t }}`,
      "characters",
    ],
  ])("%s is stopped", (_, source, why) => {
    expect(() => encode(source)).toThrow(refused(why));
  });

  test("of a usual kind renders as many messages as a request may have", () => {
    const messages = Array.from({ length: 2048 }, (_, n) => ({ role: n % 2 ? "assistant" : "user", content: "the" }));
    const usual =
      "{% for m in messages %}{% if loop.index0 > 0 and messages[loop.index0 - 1]['role'] == m['role'] %}" +
      "{{ raise_exception('roles must alternate') }}{% endif %}" +
      "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>' }}{% endfor %}";
    expect(encode(usual, messages).filter((id) => id === 1)).toHaveLength(2048);
  });

  test("has the library's globals", () => {
    const source = "{{ strftime_now('%Y') }} {{ range(2, 8, 3) | join(',') }} {{ true and not None }}";
    expect(own.decode(encode(source))).toBe(`${new Date().getFullYear()} 2,5 true`);
  });

  test.each([
    ["is not JSON", "{", "is not JSON"],
    ["is null", "null", "is not a JSON object"],
    ["has a template that is none", '{"chat_template": "{% for %}"}', "its chat template cannot be read"],
  ])("a configuration that %s is refused in words", (_, config, message) => {
    expect(() => new ChatTemplate(config, own)).toThrow(
      expect.objectContaining({ code: "bad_tokenizer", status: 500, message: expect.stringContaining(message) }),
    );
  });
});
