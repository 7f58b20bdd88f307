/**
 * Cold start in local workerd: the time from asking for an isolate to its first draft token, in a fresh process each
 * time. It covers compiling and evaluating the script, reading the header, streaming the pack's shards from the assets
 * into WASM memory with their checksums, instantiating the kernels, and one pass over a prompt of 16 tokens in V8's
 * slow first code. It does not cover starting workerd and its asset server, nor the tokenizer, which a drafter does not
 * need. The files are in the system's cache.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { createTestHarness } from "wrangler";
import type { ColdStart } from "./cold/starter.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const COLD = path.join(import.meta.dirname, "cold");

/** Milliseconds of the whole, and of its parts in order. */
export interface ColdParts {
  readonly whole: number;
  /** Script compiled and modules evaluated, first request entered. */
  readonly isolate: number;
  /** `pack.json` fetched, parsed and checked. */
  readonly header: number;
  /** Memory planned and created. */
  readonly memory: number;
  /** Shards fetched, hashed and copied. */
  readonly weights: number;
  /** Kernels instantiated, weights bound. */
  readonly kernels: number;
  /** Prompt and first draft token. */
  readonly forward: number;
}

/** Builds the isolate's code into the assets, which hold the draft's pack in edge/draft/. */
export function buildIsolate(assets: string): void {
  const out = path.join(assets, "cold");
  rmSync(out, { recursive: true, force: true });
  const wrangler = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const config = path.join(COLD, "isolate.toml");
  execFileSync(process.execPath, [wrangler, "deploy", "--dry-run", "-c", config, "--outdir", out], { stdio: "pipe" });
  const modules = readdirSync(out).filter((name) => name.endsWith(".js") || name.endsWith(".wasm"));
  writeFileSync(path.join(out, "modules.json"), JSON.stringify(modules));
}

/** One cold start. */
export async function coldStart(): Promise<ColdParts> {
  const harness = createTestHarness({ workers: [{ configPath: path.join(COLD, "starter.toml") }] });
  try {
    const { url } = await harness.listen();
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the cold start answered ${response.status}; what failed is above`);
    const at = (await response.json()) as ColdStart;
    return {
      whole: at.drafted - at.started,
      isolate: at.entered - at.started,
      header: at.header - at.entered,
      memory: at.laidOut - at.header,
      weights: at.weights - at.laidOut,
      kernels: at.instantiated - at.weights,
      forward: at.drafted - at.instantiated,
    };
  } finally {
    await harness.close();
  }
}
