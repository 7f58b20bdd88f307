/**
 * The settings that wrangler needs for the two Workers, as it reads them from a JSON file. The repository's
 * wrangler.toml says the same of the edge; a test compares them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { runningModule } from "../../core/platform/places.ts";

/** Of the runtime whose behaviour the Workers were tested with. */
export const COMPATIBILITY_DATE = "2026-10-01";

/** The kernels are compiled by the bundler: workerd compiles no bytes at run time. */
const RULES = [{ type: "CompiledWasm", globs: ["**/*.wasm"], fallthrough: true }];

/** How both Workers are bundled. */
const BUNDLE = {
  // esbuild would name each inner function whenever it is made, which takes CPU in every answer (docs/record/log.md).
  keep_names: false,
  // A minified Worker is a quarter smaller. Its source maps go along, so that stacks in logs name files and lines.
  minify: true,
  upload_source_maps: true,
};

/** The Worker that the edge reaches through its service binding ORIGIN. */
const EMBEDDED_NAME = "outrider-origin";

/** Tokens that the embedded origin holds for all sessions together, so also its longest timeline. */
export const EMBEDDED_TOKENS = 8192;

export interface Parts {
  /** The folder of the edge's assets: the page, and under draft/ the draft's pack. */
  readonly edgeAssets: string;
  /** Where the target is: its pack, which the embedded origin runs; the URL of a gateway; or null for none. */
  readonly origin: { readonly pack: string } | { readonly url: string } | null;
}

/** Writes the settings of both Workers, or of the edge alone, under `folder`. Returns the files, the edge's first. */
export function writeSettings({ edgeAssets, origin }: Parts, folder: string): string[] {
  const pack = origin !== null && "pack" in origin ? origin.pack : null;
  const files = [written(join(folder, "edge"), edgeSettings(resolve(edgeAssets), pack !== null))];
  if (pack !== null) files.push(written(join(folder, "origin"), embeddedSettings(resolve(pack))));
  return files;
}

function written(folder: string, settings: object): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "wrangler.json");
  writeFileSync(file, `${JSON.stringify(settings, null, 2)}\n`);
  return file;
}

/** The edge: page, routes and Sessions. */
const edgeSettings = (assets: string, embedded: boolean): object => ({
  name: "outrider",
  main: runningModule("edge/door/worker"),
  compatibility_date: COMPATIBILITY_DATE,
  // The client has left while its request still waits: session.ts learns that from request.signal.
  compatibility_flags: ["enable_request_signal"],
  ...BUNDLE,
  // The Worker comes first for its own routes, and for /model/ and /draft/, which are not offered to the world.
  assets: {
    directory: assets,
    binding: "ASSETS",
    run_worker_first: ["/v1/*", "/health", "/health/*", "/model/*", "/draft/*"],
  },
  durable_objects: {
    bindings: [
      { name: "SESSION", class_name: "Session" },
      { name: "METER", class_name: "Meter" },
    ],
  },
  exports: {
    Session: { type: "durable-object", storage: "sqlite" },
    Meter: { type: "durable-object", storage: "sqlite" },
  },
  ...(embedded && { services: [{ binding: "ORIGIN", service: EMBEDDED_NAME }] }),
  rules: RULES,
  observability: { enabled: true },
});

/**
 * The embedded origin: the target in WASM, in a Worker that only the edge reaches. For development and for machines
 * without a GPU: SmolLM2-135M takes 96 MB of weights, 484 KB a KV page and 4 MB of scratch, and a deployed isolate
 * has 128 MB.
 */
const embeddedSettings = (assets: string): object => ({
  name: EMBEDDED_NAME,
  main: runningModule("origin/embedded/worker"),
  compatibility_date: COMPATIBILITY_DATE,
  ...BUNDLE,
  workers_dev: false,
  // The Worker comes first for every path, so that the weights are not offered to the world.
  assets: { directory: assets, binding: "ASSETS", run_worker_first: true },
  rules: RULES,
  vars: { KV_PAGES: EMBEDDED_TOKENS / PAGE_TOKENS },
});
