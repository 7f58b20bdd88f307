/**
 * `npm start`: models, assets, then edge and embedded origin in one `wrangler dev`, and a line to try when both answer.
 * The packs are hard-linked into the asset folders: no second copy on disk, and nothing to copy at the next start.
 */
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { targetOf } from "../format/pack-header.ts";
import { directoryHeader } from "../platform/disk.ts";
import { runningFile, workFolder } from "../platform/places.ts";
import { serve } from "../service/wrangler.ts";
import { prepare } from "./prepare.ts";

const HELP = `outrider start [--port 8787] [--draft PACK]

Prepares the models if needed, then runs the edge Worker and the embedded origin.

  --draft PACK   another draft than the default, such as models/smollm2-135m-draft-s/pack`;

/** Serves until interrupted. */
export async function startCommand(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      port: { type: "string", default: "8787" },
      draft: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const { target, draft } = await prepare(values.draft);
  const { model } = targetOf(await directoryHeader(draft));
  const edgeAssets = join(workFolder(), "assets");
  assembleAssets(draft, edgeAssets);
  await serve({ port: Number(values.port), edgeAssets, origin: { pack: target } }, (url) => {
    console.log(`
Outrider is ready at ${url} — a page to chat with, and an OpenAI-compatible API. Try:

  curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model":"${model}","stream":true,"temperature":0,"messages":[{"role":"user","content":"What is the capital of France?"}]}'
`);
  });
}

/** Fills a folder with the edge's assets: the page, and the draft's pack under draft/. */
export function assembleAssets(draftPack: string, assets: string): void {
  rmSync(assets, { recursive: true, force: true });
  linkFiles(runningFile("edge/page"), assets);
  linkFiles(draftPack, join(assets, "draft"));
}

/** The files of a folder, in another as well. */
export function linkFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) {
    try {
      linkSync(join(from, file), join(to, file));
    } catch {
      // Another file system, or one without hard links.
      copyFileSync(join(from, file), join(to, file));
    }
  }
}
