/**
 * `npm start`: models, assets, then edge and embedded origin in one `wrangler dev`, and a line to try when both answer.
 * The packs are hard-linked into the asset folders: no second copy on disk, and nothing to copy at the next start.
 */
import { spawn } from "node:child_process";
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { OutriderError } from "../model/errors.ts";
import { prepare } from "./prepare.ts";

const ROOT = resolve(import.meta.dirname, "../..");
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
  assembleAssets(target, draft);
  await serve(values.port);
}

/** Fills build/assets: the page and the draft's pack for the edge, the target's pack for the embedded origin. */
export function assembleAssets(targetPack: string, draftPack: string, assets = join(ROOT, "build/assets")): void {
  rmSync(assets, { recursive: true, force: true });
  linkFiles(join(ROOT, "src/edge/page"), join(assets, "edge"));
  linkFiles(draftPack, join(assets, "edge/draft"));
  linkFiles(targetPack, join(assets, "target"));
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

async function serve(port: string): Promise<void> {
  const configs = ["-c", "wrangler.toml", "-c", "src/origin/embedded/wrangler.toml"];
  const wrangler = spawn(join(ROOT, "node_modules/.bin/wrangler"), ["dev", ...configs, "--port", port], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
    env: {
      ...process.env,
      // wrangler is a Node script and needs the Node that came with the project, not the machine's.
      PATH: `${join(ROOT, "node_modules/.bin")}:${process.env.PATH}`,
      // No calls home from a development server: request.cf stays a constant, no usage figures are sent.
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
    },
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => wrangler.kill(signal));
  const ended = new Promise<never>((_, reject) => {
    wrangler.on("exit", (code) => {
      if (code === 0 || code === null) process.exit(0);
      reject(new OutriderError("wrangler_failed", `wrangler dev ended with status ${code}; its own message is above`));
    });
  });
  const url = `http://localhost:${port}`;
  await Promise.race([ended, answers(`${url}/health`)]);
  console.log(`
Outrider is ready at ${url} — a page to chat with, and an OpenAI-compatible API. Try:

  curl -N ${url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{"model":"smollm2-135m-instruct","stream":true,"temperature":0,"messages":[{"role":"user","content":"What is the capital of France?"}]}'
`);
  await ended;
}

/** Resolves when the URL answers 200. */
async function answers(url: string): Promise<void> {
  for (;;) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
