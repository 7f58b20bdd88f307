/**
 * Before the suites that run in workerd: both Workers, bundled once as `wrangler deploy` would upload them, with the
 * settings of `outrider start` as Miniflare takes them. Wrangler takes seconds to load and to bundle; tests start
 * Workers with Miniflare alone.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { V4WorkerOptions } from "miniflare";
import type { TestProject } from "vitest/node";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { TINY_PACKS } from "../support/tiny.ts";

/** The Workers, without assets, bindings and names of their own. */
export interface Bundles {
  readonly edge: V4WorkerOptions;
  readonly origin: V4WorkerOptions;
}

declare module "vitest" {
  export interface ProvidedContext {
    bundles: Bundles;
  }
}

const WRANGLER = join(import.meta.dirname, "../../node_modules/wrangler/bin/wrangler.js");

export default async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-bundles-"));
  const files = writeSettings({ edgeAssets: TINY_PACKS.draft, origin: { pack: TINY_PACKS.target } }, folder);
  const [edge, origin] = await Promise.all(files.map(bundled));
  project.provide("bundles", { edge: edge!, origin: origin! });
  return () => rmSync(folder, { recursive: true, force: true });
}

/** The Worker of a settings file, as it would be uploaded. Its main module is called worker. */
export async function bundled(settings: string): Promise<V4WorkerOptions> {
  const folder = join(settings, "../bundle");
  const env = { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false" };
  const command = [WRANGLER, "deploy", "--dry-run", "--config", settings, "--outdir", folder];
  await promisify(execFile)(process.execPath, command, { env });
  const { workerOptions } = unstable_getMiniflareWorkerOptions(settings);
  const wasm = readdirSync(folder).filter((file) => file.endsWith(".wasm"));
  return {
    ...workerOptions,
    modulesRoot: folder,
    // The main module comes first.
    modules: [
      { type: "ESModule", path: join(folder, "worker.js") },
      ...wasm.map((file) => ({ type: "CompiledWasm" as const, path: join(folder, file) })),
    ],
  };
}
