/**
 * A gateway as a process of its own: the tiny target, on the project's own engine or, where a GGUF file is named, in
 * llama.cpp, that does what it is told to do wrong. Talks to its parent over IPC: `{port}` once it serves, `{struck}` when a fault has; takes `{fault}`,
 * `{minutes}`, and `{forget}` for faults that have not struck. Ends with its parent.
 */
import { closeSync, openSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { devNull } from "node:os";
import type { EngineSequence, TargetEngine } from "../../src/origin/engine.ts";
import { loadLlamaCpp } from "../../src/origin/engines/llama.ts";
import { WASM_DRAFT, WasmEngine } from "../../src/origin/engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { loadPack, TINY_PACKS } from "../support/tiny.ts";
import type { ENGINE } from "./faults.ts";

/** Fewer at work than clients ask, so that some wait. */
const LIVE = 4;
const KEPT = 6;
/** KV memory at its limit: pages for half of those at work, so that some give way. */
const PAGES = 24;
/** Tokens of a sequence in llama.cpp. */
const SEQUENCE = 512;
/** A pass takes so long that faults find answers under way. */
const PASS_MS = 3;
/** Longer than the silence after which the edge goes elsewhere, and than a pass takes on a busy machine. */
const STALL_MS = 4000;
const DRAIN_MS = 500;

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Passes until each planned fault. */
const planned: { what: (typeof ENGINE)[number]; passes: number }[] = [];

async function misbehave(): Promise<(typeof ENGINE)[number] | null> {
  for (const fault of planned) fault.passes--;
  const at = planned.findIndex(({ passes }) => passes < 0);
  const what = at < 0 ? null : planned.splice(at, 1)[0]!.what;
  if (what !== null) await new Promise((told) => process.send!({ struck: what }, told));
  if (what === "exit") process.kill(process.pid, "SIGKILL");
  if (what === "exhaust") hoard();
  if (what === "stall") await sleep(STALL_MS);
  if (what === "crash") throw new Error("the engine crashed on purpose");
  return what;
}

/** Ends when V8 does: nobody is answered meanwhile. */
function hoard(): never {
  // V8 would describe its heap in thirty lines there.
  closeSync(2);
  openSync(devNull, "w");
  const held: unknown[] = [];
  for (;;) held.push(new Array(1_000_000).fill(held.length));
}

class FaultySequence implements EngineSequence {
  readonly #inner: EngineSequence;

  constructor(inner: EngineSequence) {
    this.#inner = inner;
  }

  get timeline() {
    return this.#inner.timeline;
  }
  append(tokens: readonly number[]) {
    this.#inner.append(tokens);
  }
  cut(length: number) {
    this.#inner.cut(length);
  }
  prefill() {
    return this.#inner.prefill();
  }
  close() {
    this.#inner.close();
  }

  async decide(...[draft, deciding, siblings]: Parameters<EngineSequence["decide"]>) {
    await sleep(PASS_MS);
    const what = await misbehave();
    const decision = await this.#inner.decide(draft, deciding, siblings);
    if (what !== "lie") return decision;
    // What it says is no token, and the sequence holds it nevertheless.
    const lie = 1_000_000;
    this.#inner.cut(this.timeline.length - 1);
    this.#inner.append([lie]);
    return { ...decision, tokens: [...decision.tokens.slice(0, -1), lie] };
  }
}

let jumpedMs = 0;
const [, , gguf] = process.argv;
const inner: TargetEngine =
  gguf === undefined
    ? new WasmEngine(await loadPack(TINY_PACKS.target, PAGES, WASM_DRAFT + 1), WASM_DRAFT)
    : await loadLlamaCpp(gguf, {
        sequences: KEPT,
        kvTokens: KEPT * SEQUENCE,
        maxDraft: 15,
        gpu: false,
        threads: 1,
        exact: true,
      });
const { name, model, vocabulary, context, capabilities, passCost } = inner;
const engine: TargetEngine = {
  ...{ name, model, vocabulary, context, capabilities, passCost },
  open: () => new FaultySequence(inner.open()),
};
const limits = { ...DEFAULT_LIMITS, live: LIVE, kept: KEPT, queueMs: 2000 };
const gateway = new Gateway(engine, { ...limits, token: null, now: () => performance.now() + jumpedMs });
const server = await serveOrigin(gateway, 0, "127.0.0.1");

process.on("message", (message: { fault?: (typeof planned)[number]; minutes?: number; forget?: true }) => {
  if (message.fault) planned.push(message.fault);
  if (message.forget) planned.length = 0;
  jumpedMs += (message.minutes ?? 0) * 60_000;
});
process.on("disconnect", () => process.exit());
process.on("SIGTERM", () => void server.close(DRAIN_MS).then(() => process.exit()));
// Most end by SIGKILL, behind which nothing is written.
flushCompileCache();
// Its parent may have ended meanwhile.
if (process.connected) process.send?.({ port: server.port });
