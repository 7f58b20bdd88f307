/**
 * What `outrider start` serves, made ready: the target by whatever runs it (an engine beside the edge, a server, an
 * origin elsewhere), and the draft that fits it.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseEnv } from "node:util";
import type { DescribedTarget } from "../../core/format/target.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { openTokenizer } from "../../core/model/tokenizer.ts";
import { fileIfThere } from "../../core/platform/named-file.ts";
import { acceleratorNamed } from "../../origin/engines/accelerators.ts";
import { PASS_COSTS, passesOf8 } from "../../origin/pass-costs.ts";
import { knownPairs, recordedOf } from "../obtain/pair.ts";
import { draftFor } from "../service/assets.ts";
import { checkOrigin, originHealth } from "../service/checks.ts";
import { type LlamaHow, type LocalOrigin, startEmulated, startLlama, startRemote } from "../service/local-origin.ts";
import { EMBEDDED_TOKENS } from "../service/settings.ts";
import type { Service } from "../service/wrangler.ts";
import { runnable } from "./engine.ts";
import { type EdgeModels, edgeModels, isTargetOf, packNamed } from "./models.ts";
import { onProcessor } from "./on-processor.ts";
import { usage } from "./options.ts";
import { MODELS } from "./prepare.ts";

/** All that is served. */
interface Prepared {
  readonly target: DescribedTarget;
  readonly draft: string | null;
  readonly examples: readonly string[];
  /** Tokens per target pass with this draft, where that is known. */
  readonly tokensPerPass?: number | undefined;
  readonly origin: Service["origin"];
  readonly vars: Readonly<Record<string, string>>;
  /** What runs the target, in words. */
  readonly runs: string;
  /** What drafts do for such a target, in words, where that is known. */
  readonly expect: string | null;
  /** What the page must say above everything else; absent where nothing. */
  readonly notice?: string;
  readonly local?: LocalOrigin;
}

type Asked = Parameters<typeof edgeModels>[0];

/** The target on this machine. */
export async function beside(asked: Asked, engine: "wasm" | "llama" | undefined, how: LlamaHow): Promise<Prepared> {
  const { draft, from, target, examples, tokensPerPass } = await edgeModels(asked);
  // Before a download or an import that would be for nothing.
  if (draft !== null) await draftFor(target, draft);
  const run = await runnable({ target, from }, engine);
  const prefer = await ownPreference();
  if (run.engine === "wasm") {
    return {
      target: { ...target, context: Math.min(target.context, EMBEDDED_TOKENS) },
      draft,
      examples,
      tokensPerPass,
      origin: { pack: run.pack },
      // Both Workers run in the one thread of workerd.
      vars: { SHARED_CPU: "true" },
      runs: "in WebAssembly on this machine (--engine wasm)",
      expect: onProcessor({ passesOf8: passesOf8(PASS_COSTS.cpu), tokensPerPass, shared: true, prefer }),
    };
  }
  console.error(`loading ${path.basename(run.file)} in llama.cpp`);
  const local = await startLlama(run.file, target.context, target.model, how);
  return {
    target: { ...target, context: local.context },
    draft,
    examples,
    tokensPerPass,
    origin: { url: local.url },
    vars: { ORIGIN_TOKEN: local.token },
    runs: `in llama.cpp on this machine (--engine llama): ${local.hardware}`,
    expect: local.hardware?.startsWith("the processor")
      ? onProcessor({ passesOf8: local.passesOf8, tokensPerPass, shared: false, prefer })
      : null,
    local,
  };
}

/**
 * Recorded answers at the costs of an accelerator, in place of the target. Throws `bad_option` where there are none.
 * @param recorded null takes the pair's own
 */
export async function emulated(name: string, recorded: string | null, asked: Asked): Promise<Prepared> {
  const accelerator = acceleratorNamed(name);
  const { target, draft, from, examples } = await edgeModels(asked);
  if (draft !== null) await draftFor(target, draft);
  const file = recorded ?? (typeof from === "string" ? null : recordedOf(from));
  if (file === null || !existsSync(file)) {
    throw usage(
      `--emulate replays recorded answers, and of ${target.model} there are none here: record some with ` +
        "outrider corpus --out FILE.jsonl.gz --model-pack PACK --prompts FILE --temperature 0, and say " +
        "--recorded FILE.jsonl.gz",
    );
  }
  const pack = draft ?? (typeof from === "string" ? from : from.draft);
  if (pack === null) throw usage("--emulate reads the target's tokens from a draft's pack: name one with --draft");
  const local = await startEmulated(pack, { accelerator: accelerator.name, recorded: file }, target.model);
  const { about, passMs, source } = accelerator;
  const notice =
    `Emulated GPU: ${about}. Recorded answers of ${target.model} are replayed at ${passMs} ms a pass; drafts, ` +
    `network and scheduling are real. Numbers: ${source}.`;
  return {
    target: { ...target, context: Math.min(target.context, local.context) },
    draft,
    examples,
    origin: { url: local.url },
    vars: { ORIGIN_TOKEN: local.token },
    runs: local.hardware!,
    expect: `${notice}\nOther questions than the recorded ones are refused; the page's examples are recorded.`,
    notice,
    local,
  };
}

/** Any text with words, code, numbers and scripts of several kinds: other tokenizers cut it in other places. */
const PROBE = "def naïve(xs, n=1234567):\n\treturn [x**2 for x in xs if x != n]  # 東京, Ωμέγα, 🙂\n\n    it's 3.14%";

/** The target in an SGLang or vLLM server. Throws `wrong_model` where the server runs another. */
export async function beforeServer(
  engine: "sglang" | "vllm",
  server: { readonly url: string; readonly token: string | null },
  asked: Asked,
): Promise<Prepared> {
  const isNamed = asked.target !== undefined || asked.pair !== undefined || asked.draft === undefined;
  const { target, draft, examples, tokensPerPass } = isNamed
    ? await edgeModels(asked)
    : await modelsOfDraft(asked.draft);
  if (draft !== null) await draftFor(target, draft);
  const tokenizer = openTokenizer(target.tokenizer["tokenizer.json"]);
  const probe = { text: PROBE, ids: tokenizer.encode(PROBE) };
  const { context } = target;
  const vocabulary = { ...target.vocabulary, tokenizer: async () => tokenizer };
  const known = { model: isNamed ? target.model : null, vocabulary, context, probe };
  const local = await startRemote(engine, { url: server.url, engineToken: server.token, known });
  return {
    target: { ...target, model: local.model, context: Math.min(context, local.context) },
    draft,
    examples,
    tokensPerPass,
    origin: { url: local.url },
    vars: { ORIGIN_TOKEN: local.token },
    runs: `in the ${engine} server at ${server.url}`,
    expect: local.moreWith ?? null,
    local,
  };
}

/** A draft without a target: what the server runs must have the tokens of the draft's own target. */
async function modelsOfDraft(draft: string | undefined): Promise<Omit<EdgeModels, "from">> {
  if (draft === undefined || draft === "none") {
    throw usage("--draft none leaves open what tokens the server has: name its model with --pair or --target");
  }
  const pack = packNamed(draft);
  return edgeModels({ target: pack, draft: pack });
}

/** What the user's own settings prefer, if they say so. */
async function ownPreference(): Promise<string | undefined> {
  return fileIfThere(".dev.vars") && parseEnv(await readFile(".dev.vars", "utf8")).PREFER;
}

/** The target elsewhere. Throws `wrong_origin` where the origin serves another, or cannot be asked. */
export async function before(url: string, asked: Asked): Promise<Prepared> {
  const { target, draft, examples, tokensPerPass } = await modelsBefore(url, asked);
  const token = process.env.ORIGIN_TOKEN;
  const check = await checkOrigin({ url, token, bound: false }, { ...target, draft: null });
  if (check.result !== "passed") {
    throw new OutriderError("wrong_origin", `${check.about}${check.next === undefined ? "" : `; ${check.next}`}`);
  }
  const { context, engine } = await originHealth(url);
  return {
    target: { ...target, context: Math.min(target.context, context) },
    draft,
    examples,
    tokensPerPass,
    origin: { url },
    vars: token === undefined ? {} : { ORIGIN_TOKEN: token },
    runs: `at ${url} (${engine})`,
    expect: null,
  };
}

/** What was named; where nothing was, the known pair whose target the origin serves. */
async function modelsBefore(url: string, asked: Asked): Promise<Omit<EdgeModels, "from">> {
  if (asked.target !== undefined || asked.pair !== undefined) return edgeModels(asked);
  const { model, vocabulary } = await originHealth(url).catch((cause) => {
    const why = cause instanceof OutriderError ? cause.message : "it does not answer";
    throw new OutriderError("wrong_origin", `origin: ${url}: ${why}; start \`outrider origin\` there`, { cause });
  });
  const pair = knownPairs(MODELS).find((known) => isTargetOf(known, model, vocabulary.hash));
  if (pair) return edgeModels({ ...asked, pair: pair.name });
  const pack = packNamed(asked.draft ?? "none");
  if (existsSync(path.join(pack, "pack.json"))) {
    // Its tokenizer is that of every target with its tokens.
    const models = await edgeModels({ target: pack, draft: pack });
    const { target } = models;
    if (target.vocabulary.hash === vocabulary.hash) return { ...models, target: { ...target, model } };
  }
  throw usage(
    `${url} serves ${model}, which no known pair has: name a draft that has its tokens with --draft, or with ` +
      "--target its GGUF file or Hugging Face folder, for the tokenizer",
  );
}
