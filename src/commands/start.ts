/**
 * `npm start`: models, assets, then edge and embedded origin in one `wrangler dev`, and a line to try when both answer.
 * The packs are hard-linked into the asset folders: no second copy on disk, and nothing to copy at the next start.
 */
import { join } from "node:path";
import { workFolder } from "../platform/places.ts";
import { assembleEdge, describeTarget } from "../service/assets.ts";
import { serve } from "../service/wrangler.ts";
import { command, text, whole } from "./command.ts";
import { prepare } from "./prepare.ts";

export const startCommand = command({
  examples: [
    ["outrider start", "prepares the default pair of models if needed, then serves at http://localhost:8787"],
    ["outrider start --port 8080 --draft models/smollm2-135m-draft-s/pack", "on another port, with a smaller draft"],
  ],
  options: {
    port: whole("of the edge", { from: 1, to: 65535, default: 8787, env: "PORT" }),
    host: text("ADDRESS", "where to listen; 0.0.0.0 lets other machines in", { default: "localhost" }),
    draft: text("PACK", "another draft than the default, such as models/smollm2-135m-draft-s/pack"),
  },
  notes: `Environment: OUTRIDER_GGUF names a GGUF file of the target to use instead of a download, OUTRIDER_CACHE the
folder for models. Settings and secrets of the edge, such as API_KEYS, PREFER and SESSION_SECRET, are lines of the
file .dev.vars in the current folder.

Ctrl-C or SIGTERM ends it.`,
  /** Serves until interrupted. */
  async run({ port, host, draft: given }) {
    const { target, draft } = await prepare(given);
    const edgeAssets = join(workFolder(), "assets");
    const { model } = await assembleEdge(await describeTarget(draft), draft, edgeAssets);
    await serve({ port, host, edgeAssets, origin: { pack: target } }, (url) => {
      console.log(`
Outrider is ready at ${url} — a page to chat with, and an OpenAI-compatible API. Try:

  curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '${JSON.stringify(question(model))}'
`);
    });
  },
});

const question = (model: string) => ({
  model,
  stream: true,
  temperature: 0,
  messages: [{ role: "user", content: "What is the capital of France?" }],
});
