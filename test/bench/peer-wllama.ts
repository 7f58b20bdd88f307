/**
 * wllama, llama.cpp in WebAssembly, on one thread in headless Chromium. It is installed beside the project at the first
 * use, into the cache folder, and served with its models from this process. No WebGPU; JSPI and 64-bit memory as it
 * wants them.
 *
 * Its figures are its own timings of one completion: it cannot be driven token by token, so there is no verification.
 */
import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import type { JSHandle, Page } from "playwright-core";
import { DECODED, PROMPT } from "../../src/tools/inspect/timing.ts";
import { installBeside } from "../support/beside.ts";
import { launchChromium } from "../support/chromium.ts";
import { PREFILLS, type Speeds } from "./measure.ts";

const VERSION = "3.13.0";
/** Without these Chromium gives a page no shared memory, which wllama's build asks for even on one thread. */
const ISOLATED = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** The part of wllama's types that is used here. */
interface Library {
  new (paths: { default: string }, config: { suppressNativeLog: boolean }): Wllama;
}

interface Wllama {
  loadModel(files: Blob[], options: Readonly<Record<string, number>>): Promise<void>;
  createCompletion(options: Readonly<Record<string, unknown>>): Promise<{ readonly timings: Timings }>;
}

interface Timings {
  readonly prompt_n: number;
  readonly prompt_ms: number;
  readonly predicted_n: number;
  /** From the first token, which the prompt's pass gave, to the last. */
  readonly predicted_ms: number;
}

export interface WllamaPeers {
  /** One round on the model called `name`; a short one is a prompt of 16 tokens and 8 tokens after it. */
  measure(name: string, short: boolean): Promise<Speeds>;
  close(): Promise<void>;
}

/** One browser with the models of `files`, GGUF paths by name, each in a Worker of its own. */
export async function openWllama(files: Readonly<Record<string, string>>): Promise<WllamaPeers> {
  const library = path.join(await installBeside("wllama", "@wllama/wllama", VERSION), "esm");
  const server = await serve(library, files);
  const browser = await launchChromium();
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const models = new Map<string, JSHandle<Wllama>>();
  for (const name of Object.keys(files)) models.set(name, await load(page, name));
  return {
    async measure(name, short) {
      const model = models.get(name)!;
      const prefill: Record<number, number> = {};
      for (const length of short ? [] : PREFILLS) {
        const { prompt_ms } = await complete(model, length, 1);
        prefill[length] = (1000 * length) / prompt_ms;
      }
      const [prompt, decoded] = short ? [PREFILLS[0], 8] : [PROMPT, DECODED];
      const { prompt_ms, predicted_ms } = await complete(model, prompt, decoded + 1);
      if (short) prefill[prompt] = (1000 * prompt) / prompt_ms;
      return { prefill, decode: (1000 * decoded) / predicted_ms };
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}

/** Serves an empty page, the library under /wllama/ and the models under /models/. */
async function serve(library: string, files: Readonly<Record<string, string>>): Promise<Server> {
  const server = createServer((request, response) => {
    const [, folder, ...rest] = (request.url ?? "/").split("/");
    if (!folder) {
      response.writeHead(200, { ...ISOLATED, "content-type": "text/html" }).end("<!doctype html>");
      return;
    }
    const file = folder === "wllama" ? path.join(library, ...rest) : (files[rest.join("/")] ?? "");
    const size = statSync(file, { throwIfNoEntry: false })?.size;
    if (size === undefined) {
      response.writeHead(404, ISOLATED).end();
      return;
    }
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { ...ISOLATED, "content-type": type, "content-length": size });
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

const load = (page: Page, name: string): Promise<JSHandle<Wllama>> =>
  page.evaluateHandle(async (name) => {
    const module = "/wllama/index.js";
    const { Wllama } = (await import(module)) as { Wllama: Library };
    const wllama = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, { suppressNativeLog: true });
    const file = await (await fetch(`/models/${name}`)).blob();
    await wllama.loadModel([file], { n_gpu_layers: 0, n_threads: 1, n_parallel: 1, n_ctx: 1024, n_batch: 512 });
    return wllama;
  }, name);

/** Timings of `length` tokens of prompt and `count` after it. Prompts are texts here, and this word is one token. */
async function complete(model: JSHandle<Wllama>, length: number, count: number): Promise<Timings> {
  const { timings } = await model.evaluate((wllama, options) => wllama.createCompletion(options), {
    prompt: `the${" the".repeat(length - 1)}`,
    n_predict: count,
    ignore_eos: true,
    cache_prompt: false,
    samplers: ["top_k"],
    top_k: 1,
  });
  if (timings.prompt_n === length && timings.predicted_n === count) return timings;
  throw new Error(
    `wllama read ${timings.prompt_n} and wrote ${timings.predicted_n} tokens, ` +
      `where ${length} and ${count} were asked for`,
  );
}
