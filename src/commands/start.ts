/** `outrider start`: an edge on this machine, and beside it whatever runs its target. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseEnv } from "node:util";
import type { DescribedTarget } from "../format/target.ts";
import { OutriderError } from "../model/errors.ts";
import { knownPairs } from "../obtain/pair.ts";
import { workFolder } from "../platform/places.ts";
import { assembleEdge, draftFor } from "../service/assets.ts";
import { checkOrigin, originHealth } from "../service/checks.ts";
import { type LocalOrigin, startLlama } from "../service/llama-origin.ts";
import { EMBEDDED_TOKENS } from "../service/settings.ts";
import { checkFree, type Service, serve } from "../service/wrangler.ts";
import { command } from "./command.ts";
import { runnable } from "./engine.ts";
import { checkChoice, type EdgeModels, edgeModels, isTargetOf } from "./models.ts";
import { choice, text, usage, whole } from "./options.ts";
import { MODELS } from "./prepare.ts";

export const startCommand = command({
  examples: [
    ["outrider start", "the default pair of models, obtained if needed, at http://localhost:8787"],
    ["outrider start --draft s --port 8080", "a smaller draft of the pair, on another port"],
    ["outrider start --target model.gguf --draft none", "any GGUF model; drafts are copied from the conversation"],
    ["outrider start --target my-model/pack --draft my-draft/pack", "a target and a draft of your own"],
    [
      "outrider start --origin https://gpu.example.com --target model.gguf",
      "the edge alone, before an origin elsewhere",
    ],
  ],
  options: {
    target: text("PATH", "a pack, a GGUF file, or with --origin also a Hugging Face folder"),
    draft: text("PACK|none", "a draft's pack, the short name of one of the pair's drafts, or none"),
    pair: text("NAME", "another pair of models that the project knows"),
    engine: choice(["wasm", "llama"], "what runs the target; wasm where it can, else llama (llama.cpp)"),
    threads: whole("llama: threads of llama.cpp, where other programs need the processor too", { from: 1, to: 1024 }),
    origin: text("URL", "an origin that runs elsewhere; ORIGIN_TOKEN in the environment is its token"),
    port: whole("of the edge", { from: 1, to: 65535, default: 8787, env: "PORT" }),
    host: text("ADDRESS", "where to listen; 0.0.0.0 lets other machines in", { default: "localhost" }),
  },
  notes: `A target that a known pair has gets the pair's draft unless --draft says otherwise; other targets get none.
Beside llama.cpp the edge prefers time (PREFER=time): on a processor a pass over many positions costs more than it
saves.

Environment: OUTRIDER_GGUF names a GGUF file of the pair's target to use instead of a download, OUTRIDER_CACHE the
folder for models. Settings and secrets of the edge, such as API_KEYS, PREFER and SESSION_SECRET, are lines of the
file .dev.vars in the current folder.

Ctrl-C or SIGTERM ends it.`,
  /** Serves until interrupted. */
  async run({ port, host, engine, threads, origin, ...models }) {
    checkChoice(models);
    if (origin !== undefined && engine !== undefined) {
      throw usage("--origin and --engine exclude each other: the origin has an engine of its own");
    }
    if (origin !== undefined && (!/^https?:\/\//.test(origin) || !URL.canParse(origin))) {
      throw usage(`--origin is a URL such as https://origin.example.com, not "${origin}"`);
    }
    // Before a download that would be for nothing, and before anything is written.
    await checkFree(port, host);
    const folder = workFolder(port);
    const prepared =
      origin === undefined ? await beside(models, engine, threads ?? null) : await before(origin, models);
    const edgeAssets = path.join(folder, "assets");
    try {
      const edge = await assembleEdge(prepared.target, prepared.draft, edgeAssets);
      await serve({ port, host, folder, edgeAssets, origin: prepared.origin, vars: prepared.vars }, (url) => {
        const draft = edge.draft === null ? "none (copies from the conversation)" : edge.draft;
        console.log(`
Outrider is ready at ${url}: a page to chat with, and an OpenAI-compatible API.

  target ${edge.model}, ${prepared.runs}
  draft  ${draft}

Try:

  curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '${JSON.stringify(question(edge.model))}'
`);
      });
    } finally {
      await prepared.local?.close();
    }
  },
});

/** All that is served. */
interface Prepared {
  readonly target: DescribedTarget;
  readonly draft: string | null;
  readonly origin: Service["origin"];
  readonly vars: Readonly<Record<string, string>>;
  /** What runs the target, in words. */
  readonly runs: string;
  readonly local?: LocalOrigin;
}

type Asked = Parameters<typeof edgeModels>[0];

/** The target on this machine. */
async function beside(asked: Asked, engine: "wasm" | "llama" | undefined, threads: number | null): Promise<Prepared> {
  const { draft, from, target } = await edgeModels(asked);
  // Before a download or an import that would be for nothing.
  if (draft !== null) await draftFor(target, draft);
  const run = await runnable({ target, from }, engine);
  if (run.engine === "wasm") {
    return {
      target: { ...target, context: Math.min(target.context, EMBEDDED_TOKENS) },
      draft,
      origin: { pack: run.pack },
      vars: {},
      runs: "in WebAssembly on this machine (--engine wasm)",
    };
  }
  console.error(`loading ${path.basename(run.file)} in llama.cpp`);
  const local = await startLlama(run.file, target.context, target.model, threads);
  return {
    target: { ...target, context: local.context },
    draft,
    origin: { url: local.url },
    // Nobody else waits for this target, so what counts is the time; a processor pays for every position of a pass.
    vars: { ORIGIN_TOKEN: local.token, ...((await prefersItself()) ? {} : { PREFER: "time" }) },
    runs: "in llama.cpp on this machine (--engine llama)",
    local,
  };
}

/** Whether the user's own settings say what to prefer. */
async function prefersItself(): Promise<boolean> {
  const own = await readFile(".dev.vars", "utf8").catch(() => "");
  return "PREFER" in parseEnv(own);
}

/** The target elsewhere. Throws `wrong_origin` where the origin serves another, or cannot be asked. */
async function before(url: string, asked: Asked): Promise<Prepared> {
  const { target, draft } = await modelsBefore(url, asked);
  const token = process.env.ORIGIN_TOKEN;
  const check = await checkOrigin({ url, token, bound: false, draftOnly: false }, { ...target, draft: null });
  if (check.result !== "passed") {
    throw new OutriderError("wrong_origin", `${check.about}${check.next === undefined ? "" : `; ${check.next}`}`);
  }
  const { context, engine } = await originHealth(url);
  return {
    target: { ...target, context: Math.min(target.context, context) },
    draft,
    origin: { url },
    vars: token === undefined ? {} : { ORIGIN_TOKEN: token },
    runs: `at ${url} (${engine})`,
  };
}

/** What was named; where nothing was, the known pair whose target the origin serves. */
async function modelsBefore(url: string, asked: Asked): Promise<Pick<EdgeModels, "target" | "draft">> {
  if (asked.target !== undefined || asked.pair !== undefined) return edgeModels(asked);
  if (asked.draft !== undefined && asked.draft !== "none" && /[\\/]/.test(asked.draft)) {
    return edgeModels({ ...asked, target: asked.draft });
  }
  const { model, vocabulary } = await originHealth(url).catch((cause) => {
    const why = cause instanceof OutriderError ? cause.message : "it does not answer";
    throw new OutriderError("wrong_origin", `origin: ${url}: ${why}; start \`outrider origin\` there`, { cause });
  });
  const pair = knownPairs(MODELS).find((known) => isTargetOf(known, model, vocabulary.hash));
  if (pair) return edgeModels({ ...asked, pair: pair.name });
  throw usage(
    `${url} serves ${model}, which no known pair has: name its GGUF file or Hugging Face folder with --target, for ` +
      "the tokenizer",
  );
}

const question = (model: string) => ({
  model,
  stream: true,
  temperature: 0,
  messages: [{ role: "user", content: "What is the capital of France?" }],
});
