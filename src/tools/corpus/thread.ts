/** A thread that runs the target on its own copy of the pack, one answer at a time. */
import { parentPort, workerData } from "node:worker_threads";
import { loadLlama } from "../../core/draft/llama.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { builtModules } from "../../core/platform/built.ts";
import { directoryHeader, shardReader } from "../../core/platform/disk.ts";
import { WasmEngine } from "../../origin/engines/wasm.ts";
import type { Reply, ThreadData, ThreadRequest } from "./threads.ts";

const { pack, context } = workerData as ThreadData;
const loading = load();

async function load(): Promise<{ engine: WasmEngine; stop: ReadonlySet<number> }> {
  const header = await directoryHeader(pack);
  const pages = Math.ceil(context / PAGE_TOKENS);
  const llama = await loadLlama(header, shardReader(pack, header), await builtModules(), { pages, rows: 1 });
  return { engine: new WasmEngine(llama, 0), stop: new Set(header.config.eosIds) };
}

/** Decodes without a draft, by the service's sampling rule (speculate/sample.ts). */
async function write({ prompt, temperature, seed, maxTokens }: ThreadRequest): Promise<number[]> {
  const { engine, stop } = await loading;
  const sampling = { temperature, topK: 0, topP: 1, minP: 0, seed };
  const sequence = engine.open();
  try {
    sequence.append(prompt);
    while (await sequence.prefill());
    const end = prompt.length + maxTokens;
    while (sequence.timeline.length < end) {
      const { tokens } = await sequence.decide([], { sampling, rule: { kind: "exact" }, stop });
      if (stop.has(tokens.at(-1)!)) break;
    }
    return sequence.timeline.slice(prompt.length);
  } finally {
    sequence.close();
  }
}

parentPort!.on("message", async (request: ThreadRequest) => {
  let reply: Reply;
  try {
    reply = { tokens: await write(request) };
  } catch (error) {
    const code = error instanceof OutriderError ? error.code : "thread_failed";
    reply = { code, message: (error as Error).message };
  }
  parentPort!.postMessage(reply);
});
