/** Every parser of what strangers send or publish, each with input that it takes when nothing is damaged. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { readGguf } from "../../src/core/format/gguf.ts";
import { importGguf, importSafetensors } from "../../src/core/format/import.ts";
import { readPack, readPackHeader } from "../../src/core/format/pack-reader.ts";
import { readSafetensors } from "../../src/core/format/safetensors.ts";
import { bytesSource } from "../../src/core/format/source.ts";
import { describeCheckpoint, describeGguf } from "../../src/core/format/target.ts";
import { ChatTemplate } from "../../src/core/model/chat.ts";
import { FillTemplate } from "../../src/core/model/fill.ts";
import { piecesOf } from "../../src/core/model/pieces.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { tokenTable, vocabularyHash } from "../../src/core/model/tokenizer-files.ts";
import { parseKeys } from "../../src/core/platform/keys.ts";
import { decodeHealth } from "../../src/core/verify/health.ts";
import { originList } from "../../src/core/verify/origin-list.ts";
import { decodeEdgeFrame, decodeOriginFrame, withCheck } from "../../src/core/verify/protocol.ts";
import { parseChat, parseCompletion } from "../../src/edge/api/openai/openai.ts";
import { keepHours } from "../../src/edge/bill/keeping.ts";
import { traceOf } from "../../src/edge/origins/trace.ts";
import { placementOf } from "../../src/edge/place/placement.ts";
import { taskOf } from "../../src/edge/prompt/prompt.ts";
import { authenticate, sessionName } from "../../src/edge/tenant/tenant.ts";
import { parseRecipe } from "../../src/tools/compress/recipe.ts";
import { RECIPES } from "../../src/tools/compress/recipes.ts";
import { readPair } from "../../src/tools/obtain/pair.ts";
import { readProject, readSecrets } from "../../src/tools/service/project.ts";
import { readText } from "../../src/tools/text/text-file.ts";
import { MemoryDirectory } from "../support/files.ts";
import { goldenBytes, goldenJson } from "../support/golden.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import type { Fuzzed } from "./fuzz.ts";
import { below, mutatedBytes, mutatedJson, mutatedText, oneOf, type Random } from "./mutate.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const SAID = ["", "in the end, é 🙂", "<|im_end|> 12345\n\n  x", "\ufeff\u0085\ud800"];

const ggufs = ["llama.gguf", "llama3.gguf", "mistral.gguf", "qwen2.gguf", "qwen3.gguf"].map((name) => ({
  name,
  bytes: goldenBytes(name),
}));

const gguf: Fuzzed = {
  name: "gguf",
  async attempt(random) {
    const { name, bytes } = oneOf(random, ggufs);
    const source = bytesSource(name, mutatedBytes(bytes, random, oneOf(random, [64, 2000, 8000, bytes.length])));
    if (random() < 0.5) return await readGguf(source);
    if (random() < 0.5) return await describeGguf(source, "m");
    return await importGguf(source, "m");
  },
};

const tensors = goldenBytes("dtypes.safetensors");
const safetensors: Fuzzed = {
  name: "safetensors",
  attempt: (random) => readSafetensors(bytesSource("x.safetensors", mutatedBytes(tensors, random, tensors.length))),
};

const tiny = (file: string) => readFileSync(join(TINY_PACKS.target, file), "utf8");
const header = packHeader(TINY_PACKS.target);
const packFiles = ["pack.json", "tokenizer.json", "tokenizer_config.json", ...header.shards.map(({ file }) => file)];
const packBytes = new Map(packFiles.map((name) => [name, readFileSync(join(TINY_PACKS.target, name))]));

const pack: Fuzzed = {
  name: "pack",
  async attempt(random) {
    if (random() < 0.9) return readPackHeader(JSON.stringify(mutatedJson(header, random)));
    const directory = new MemoryDirectory();
    const hit = oneOf(random, packFiles);
    for (const [name, bytes] of packBytes) {
      directory.files.set(name, name === hit ? mutatedBytes(new Uint8Array(bytes), random) : new Uint8Array(bytes));
    }
    return await readPack(directory.open);
  },
};

const small = Object.values(goldenJson("small_tokenizers.json") as Record<string, { tokenizer: object }>);
const tokenizers = [JSON.parse(tiny("tokenizer.json")), ...small.map(({ tokenizer }) => tokenizer)];

const tokenizer: Fuzzed = {
  name: "tokenizer",
  async attempt(random) {
    const json = mutatedJson(oneOf(random, tokenizers), random);
    const text = random() < 0.9 ? JSON.stringify(json) : mutatedText(JSON.stringify(json).slice(0, 5000), random);
    const own = openTokenizer(text);
    await vocabularyHash(tokenTable(json));
    piecesOf(json as never);
    for (const said of SAID) {
      own.decode([...own.encode(said, 100), ...own.encodePrompt(said, 100), -1, 0.5, 1e9]);
    }
    return new FillTemplate(JSON.stringify(random() < 0.5 ? FILL : mutatedJson(FILL, random)), own).encode({
      before: "a",
      after: "b",
    });
  },
};
const FILL = { prefix_token: "<|im_start|>", suffix_token: { content: "<|im_end|>" }, middle_token: "<|endoftext|>" };

const { families, chats } = goldenJson("templates.json");
const sources: string[] = families.map(({ template }: { template: string }) => template);
const plain = openTokenizer(tiny("tokenizer.json"));
const template: Fuzzed = {
  name: "template",
  async attempt(random) {
    const messages = mutatedJson(oneOf(random, chats), random);
    const source = mutatedText(oneOf(random, sources), random);
    const config =
      random() < 0.8 ? { chat_template: source } : mutatedJson({ chat_template: source, bos_token: "x" }, random);
    const template = new ChatTemplate(JSON.stringify(config), plain);
    const generation = parseChat({ model: "m", messages }, () => 0);
    return generation.input.kind === "chat" && template.encode(generation.input.messages, 8192);
  },
};

const CONFIG = {
  architectures: ["LlamaForCausalLM"],
  ...{ model_type: "llama", hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 2 },
  ...{ num_key_value_heads: 1, vocab_size: 512, max_position_embeddings: 2048, rms_norm_eps: 1e-5, rope_theta: 1e4 },
  ...{ bos_token_id: 1, eos_token_id: [2, 0], tie_word_embeddings: true, hidden_act: "silu", torch_dtype: "float32" },
  rope_scaling: {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 512,
  },
};
const checkpoint: Fuzzed = {
  name: "checkpoint",
  async attempt(random) {
    const files: Record<string, unknown> = {
      "config.json": CONFIG,
      "generation_config.json": { eos_token_id: [2] },
      "tokenizer.json": oneOf(random, tokenizers),
      "tokenizer_config.json": JSON.parse(tiny("tokenizer_config.json")),
      "model.safetensors.index.json": { weight_map: { "model.norm.weight": "model.safetensors" } },
    };
    const hit = oneOf(random, Object.keys(files));
    const directory = new MemoryDirectory();
    for (const [name, json] of Object.entries(files)) {
      const text = JSON.stringify(name === hit ? mutatedJson(json, random) : json);
      directory.files.set(name, bytesOf(name === hit && random() < 0.1 ? mutatedText(text, random) : text));
    }
    directory.files.set("model.safetensors", tensors);
    if (random() < 0.5) return await describeCheckpoint(directory.open, "m");
    return await importSafetensors(directory.open, "m");
  },
};

const GREEDY = { temperature: 0, topK: 0, topP: 1, minP: 0, seed: 1 };
const OPEN = {
  ...{ type: "open", version: 4, model: "m", vocabulary: "v", session: "s", keep: 2, keepHash: "0", prompt: [1, 2, 3] },
  ...{ sampling: GREEDY, rule: { kind: "bild", alphaRollback: 1 }, patience: 5, maxTokens: 9, stop: [0] },
};
const EDGE_FRAMES = [
  OPEN,
  { type: "draft", position: 3, tokens: [1, 2], siblings: [{ at: 3, id: 4 }], patience: 4, most: 3 },
  { type: "close" },
];
const ORIGIN_FRAMES = [
  { type: "verdict", position: 3, kept: 1, tokens: [1, 2], passes: 2, scored: 2, stepMs: 1, waitMs: 0, load: 0.5 },
  { type: "done", reason: "stop", usage: { prompt: 3, decided: 2, passes: 1 } },
  { type: "error", code: "kv_full", message: "no", retryable: true },
];
const HEALTH = {
  ...{ status: "ok", version: 4, model: "m", vocabulary: { size: 5, hash: "x" }, engine: "wasm", context: 9 },
  ...{ rules: ["exact"], maxDraft: 3, tokenRequired: false, connections: 0, live: 0, queued: 0, kept: 0 },
  ...{ region: "weur" },
};
/** A frame that was changed after it was checked, or before. */
const framed = (frame: unknown, random: Random): string => {
  if (random() < 0.2) return mutatedText(withCheck(JSON.stringify(frame)), random);
  const json = JSON.stringify(mutatedJson(frame, random));
  return withCheck(random() < 0.2 ? mutatedText(json, random) : json);
};
const frames: Fuzzed = {
  name: "frames",
  async attempt(random) {
    switch (below(random, 3)) {
      case 0:
        return decodeEdgeFrame(framed(oneOf(random, EDGE_FRAMES), random));
      case 1:
        return decodeOriginFrame(framed(oneOf(random, ORIGIN_FRAMES), random));
      default:
        return decodeHealth(JSON.stringify(mutatedJson(HEALTH, random)));
    }
  },
};

const CHAT = {
  model: "tiny",
  messages: [
    { role: "system", content: "Be terse." },
    {
      role: "user",
      content: [
        { type: "text", text: "Who?" },
        { type: "text", text: "Why?" },
      ],
    },
  ],
  ...{ temperature: 1, top_p: 0.9, top_k: 4, min_p: 0.1, seed: -7, stop: ["a", "b"], max_tokens: 4, stream: true },
  ...{
    stream_options: { include_usage: true },
    prompt_cache_key: "k",
    n: 1,
    tools: [{ type: "function", function: { name: "f", parameters: { type: "object" }, strict: true } }],
    tool_choice: { type: "function", function: { name: "f" } },
    response_format: { type: "text" },
  },
  outrider: { draft: "lookup", rule: "bild", alpha_fallback: 0.5, alpha_rollback: 1, patience_ms: 3, max_draft: 4 },
};
const COMPLETION = { ...CHAT, messages: undefined, prompt: [1, 2, 3], suffix: "" };
const reader = {
  description: { vocabulary: header.vocabulary, context: 256, stopIds: [0] },
  tokenizer: plain,
  chat: () => new ChatTemplate(tiny("tokenizer_config.json"), plain),
  fill: () => new FillTemplate(tiny("tokenizer_config.json"), plain),
};
const bodies: Fuzzed = {
  name: "bodies",
  async attempt(random) {
    const isChat = random() < 0.6;
    const body = JSON.parse(JSON.stringify(mutatedJson(isChat ? CHAT : COMPLETION, random)) ?? "null");
    const generation = isChat ? parseChat(body, () => 1) : parseCompletion(body, () => 1);
    await sessionName("open:", random() < 0.5 ? mutatedText("affinity", random) : null, generation);
    return taskOf(JSON.parse(JSON.stringify(generation)), reader);
  },
};

const folder = mkdtempSync(join(tmpdir(), "outrider-fuzz-"));
/** A folder with one file that says so. */
function written(name: string, text: string | Uint8Array): string {
  writeFileSync(join(folder, name), text);
  return folder;
}
const PAIR = JSON.parse(readFileSync("models/smollm2-135m/pair.json", "utf8"));
const WRANGLER = readFileSync("wrangler.toml", "utf8");
const recipe = Object.values(RECIPES)[0];
const settings: Fuzzed = {
  name: "settings",
  async attempt(random) {
    const text = (value: string) => mutatedText(value, random);
    switch (below(random, 10)) {
      case 0:
        return originList(text("https://a.example;region=weur, http://b.example:80"));
      case 1:
        return parseKeys(text(`plain, anna:${"0".repeat(64)}:rpm=60,tpm=4`));
      case 2:
        return placementOf(text("weur"), [], null);
      case 3:
        return keepHours(text("24"));
      case 4:
        return await authenticate(`Bearer ${text("a")}`, { API_KEYS: text("a, b") } as never);
      case 5:
        return traceOf(text(`00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`), text(`req_${"ef".repeat(16)}`));
      case 6:
        return parseRecipe(mutatedJson(recipe, random), "recipe.json");
      case 7:
        return readPair(written("pair.json", JSON.stringify(mutatedJson(PAIR, random))));
      case 8:
        return await readSecrets(written(".prod.vars", text("API_KEYS=a\nORIGIN_TOKEN='b c'\n")));
      default:
        return await readProject(written("wrangler.toml", text(WRANGLER)));
    }
  },
};

const LINES = `${JSON.stringify({ prompt: [1, 2], answer: [3] })}\n${JSON.stringify({ text: "a" })}\n`;
const archives: Fuzzed = {
  name: "archives",
  async attempt(random) {
    const packed = mutatedBytes(gzipSync(LINES), random);
    return await readText(join(written("x.jsonl.gz", packed), "x.jsonl.gz"));
  },
};

export const READERS: readonly Fuzzed[] = [
  ...[gguf, safetensors, checkpoint, pack, tokenizer, template, frames, bodies, settings, archives],
];
