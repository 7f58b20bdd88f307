/** `outrider start`: an edge on this machine, and beside it whatever runs its target. */
import path from "node:path";
import { targetOf } from "../../core/format/pack-header.ts";
import { directoryHeader } from "../../core/platform/disk.ts";
import { workFolder } from "../../core/platform/places.ts";
import { isHttpUrl } from "../../core/verify/origin-list.ts";
import { assembleEdge } from "../service/assets.ts";
import { putAsideDamaged } from "../service/damaged-stores.ts";
import { holdFolder } from "../service/work-folder.ts";
import { addressOf, checkFree, serve } from "../service/wrangler.ts";
import { acceleratorList } from "./accelerator-list.ts";
import { command } from "./command.ts";
import { checkChoice } from "./models.ts";
import { choice, flag, text, usage, whole } from "./options.ts";
import { tokenFrom } from "./origin.ts";
import { before, beforeServer, beside, emulated } from "./serving.ts";

export const startCommand = command({
  examples: [
    ["outrider start", "the default pair of models, obtained if needed, at http://localhost:8787"],
    ["outrider start --draft s --port 8080", "a smaller draft of the pair, on another port"],
    ["outrider start --pair qwen2.5-coder-1.5b", "a model that writes code, in llama.cpp; 1.1 GB to obtain"],
    [
      "outrider start --pair qwen2.5-coder-1.5b --engine vllm --url http://127.0.0.1:8000",
      "the same before a vLLM server that runs the target",
    ],
    ["outrider start --target model.gguf --draft none", "any GGUF model; drafts are copied from the conversation"],
    ["outrider start --target my-model/pack --draft my-draft/pack", "a target and a draft of your own"],
    [
      "outrider start --origin https://gpu.example.com --target model.gguf",
      "the edge alone, before an origin elsewhere",
    ],
    ["outrider start --emulate 2xh100-70b", "recorded answers at the costs of an emulated GPU; list shows which"],
  ],
  options: {
    target: text("PATH", "a pack, a GGUF file, or with --origin also a Hugging Face folder"),
    draft: text("PACK|none", "a draft's pack, the short name of one of the pair's drafts, or none"),
    pair: text("NAME", "another pair of models that the project knows"),
    engine: choice(["wasm", "llama", "sglang", "vllm"], "what runs the target; wasm where it can, else llama.cpp"),
    url: text("URL", "the SGLang or vLLM server"),
    engineTokenFile: text("FILE", "holds the bearer token that this server asks for"),
    threads: whole("llama: threads of llama.cpp; one a core but one, which the drafter has", { from: 1, to: 1024 }),
    exact: flag("llama: the same text whatever else is computed; prompts are read more slowly (docs/use/same-text.md)"),
    emulate: text(
      "NAME|list",
      "replays recorded answers at the costs of this accelerator, or lists those that there are",
    ),
    recorded: text(
      "FILE",
      "with --emulate: answers of the target as `outrider corpus` writes them; the pair's unless given",
    ),
    origin: text("URL", "an origin that runs elsewhere; ORIGIN_TOKEN in the environment is its token"),
    port: whole("of the edge", { from: 1, to: 65535, default: 8787, env: "PORT" }),
    host: text("ADDRESS", "where to listen; 0.0.0.0 lets other machines in", { default: "localhost" }),
  },
  notes: `A target that a known pair has gets the pair's draft unless --draft says otherwise; other targets get none.
A draft serves every target that has its tokens: one of Qwen2.5-Coder drafts for all sizes of Qwen2.5.
Where the target runs on this machine's processor a pass over many positions costs more than it saves, so drafts are
seldom used there; PREFER=passes shows them. With sglang and vllm the server must run the target that is named;
without --pair and --target it may run any that has the draft's tokens.

Environment: OUTRIDER_GGUF names a GGUF file of the pair's target to use instead of a download, OUTRIDER_CACHE the
folder for models. Settings and secrets of the edge, such as API_KEYS, PREFER and SESSION_SECRET, are lines of the
file .dev.vars in the current folder. What is stored lies in its folder .outrider/PORT, which this user alone may read
and one service at a time has.

Ctrl-C or SIGTERM ends it.`,
  /** Serves until interrupted. */
  async run({ port, host, engine, url, engineTokenFile, threads, exact, origin, emulate, recorded, ...models }) {
    if (emulate === "list") return console.log(acceleratorList());
    checkChoice(models);
    checkEmulation(emulate, recorded, { engine, origin });
    const isServer = engine === "sglang" || engine === "vllm";
    checkServer(engine, url);
    if (exact && (isServer || origin !== undefined || emulate !== undefined)) {
      throw usage(
        "--exact is for llama.cpp on this machine; what runs elsewhere has its own way (docs/use/same-text.md)",
      );
    }
    if (origin !== undefined && engine !== undefined) {
      throw usage("--origin and --engine exclude each other: the origin has an engine of its own");
    }
    if (origin !== undefined && !isHttpUrl(origin)) {
      throw usage(`--origin is a URL such as https://origin.example.com, not "${origin}"`);
    }
    // Before a download that would be for nothing, and before anything is written.
    await checkFree(port, host);
    const folder = workFolder(port);
    await using _held = await holdFolder(folder, addressOf(port, host));
    for (const line of await putAsideDamaged(folder)) console.error(line);
    const server = { url: url ?? "", token: engineTokenFile === undefined ? null : tokenFrom(engineTokenFile) };
    const prepared =
      emulate !== undefined
        ? await emulated(emulate, recorded ?? null, models)
        : isServer
          ? await beforeServer(engine, server, models)
          : origin === undefined
            ? await beside(models, engine, { threads: threads ?? null, exact })
            : await before(origin, models);
    const edgeAssets = path.join(folder, "assets");
    try {
      const edge = await assembleEdge(prepared.target, prepared.draft, edgeAssets, prepared);
      const draft = await draftInWords(edge.model, prepared.draft);
      await serve({ port, host, folder, edgeAssets, origin: prepared.origin, vars: prepared.vars }, (url) => {
        console.log(`
Outrider is ready at ${url}: a page to chat with, and an OpenAI-compatible API.

  target ${edge.model}, ${prepared.runs}
  draft  ${draft}
${prepared.expect === null ? "" : `\n${prepared.expect}\n`}
Try:

  curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '${JSON.stringify(question(edge.model, prepared.examples[0])).replaceAll("'", "'\\''")}'
`);
      });
    } finally {
      await prepared.local?.close();
    }
  },
});

/** Throws `bad_option` where what is emulated is also said to be real. */
function checkEmulation(emulate: string | undefined, recorded: string | undefined, others: Record<string, unknown>) {
  if (emulate === undefined && recorded !== undefined) throw usage("--recorded goes with --emulate");
  const other = Object.entries(others).find(([, value]) => emulate !== undefined && value !== undefined);
  if (other) throw usage(`--emulate and --${other[0]} exclude each other: an emulated GPU is the origin`);
}

async function draftInWords(model: string, draft: string | null): Promise<string> {
  if (draft === null) return "none (copies from the conversation)";
  const header = await directoryHeader(draft);
  const own = targetOf(header).model;
  return own === model ? header.model : `${header.model}, made for ${own}, which has the same tokens`;
}

/** Throws `bad_option` where server and engine do not go together. */
function checkServer(engine: string | undefined, url: string | undefined): void {
  const isServer = engine === "sglang" || engine === "vllm";
  if (url === undefined) {
    if (isServer) throw usage(`--url is missing; it says where the ${engine} server listens, as http://127.0.0.1:8000`);
    return;
  }
  if (!isServer) throw usage("--url names an SGLang or vLLM server; say which with --engine");
  if (!isHttpUrl(url)) throw usage(`--url is a URL as http://127.0.0.1:8000, not "${url}"`);
}

const question = (model: string, content = "What is the capital of France?") => ({
  model,
  stream: true,
  temperature: 0,
  messages: [{ role: "user", content }],
});
