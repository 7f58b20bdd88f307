/**
 * An origin without a server: the gateway and the wasm engine in a Worker, reached from the edge through a service
 * binding. The target's pack lies among the static assets and is loaded by the first request. Only plain data and WASM
 * memory outlive a request here; sockets and timers belong to the request that made them.
 */
import { loadLlama } from "../../core/draft/llama.ts";
import { readPackHeader } from "../../core/format/pack-reader.ts";
import { BYTES_OF_ISOLATE } from "../../core/grammar/compiled.ts";
import { assetShards, assetText } from "../../core/platform/assets.ts";
import { bundledModules } from "../../core/platform/bundled.ts";
import { Shared } from "../../core/platform/shared.ts";
import { Connection } from "../connection.ts";
import { answer, refusal } from "../door.ts";
import { WASM_DRAFT, WasmEngine } from "../engines/wasm.ts";
import { errorResponse } from "../errors.ts";
import { DEFAULT_LIMITS, Gateway } from "../gateway.ts";

interface Env {
  /** The target's pack. */
  readonly ASSETS: Fetcher;
  /** KV pages of 32 tokens, for all sessions together; also bounds the longest timeline. */
  readonly KV_PAGES: number;
  /** Tokens of one answer at most, whatever the edge asks for; 16,384 unless given. */
  readonly MAX_TOKENS?: number;
  /** Secret: bearer token that the edge must send; without one, whoever reaches this Worker may use it. */
  readonly ORIGIN_TOKEN?: string;
}

/** The binding ignores the host. */
const PACK_URL = "https://assets/";

const loaded = new Shared<Gateway>();

const gatewayOf = (env: Env): Promise<Gateway> =>
  loaded.get(async (renew) => {
    const header = readPackHeader(await assetText(env.ASSETS, PACK_URL, "pack.json"));
    const shards = assetShards(env.ASSETS, PACK_URL, header, renew);
    const llama = await loadLlama(header, shards, bundledModules, { pages: env.KV_PAGES, rows: WASM_DRAFT + 1 });
    const tokenizerJson = () => assetText(env.ASSETS, PACK_URL, "tokenizer.json");
    const token = env.ORIGIN_TOKEN ?? null;
    const maxTokens = Number(env.MAX_TOKENS ?? DEFAULT_LIMITS.maxTokens);
    const now = () => performance.now();
    const limits = { ...DEFAULT_LIMITS, maxTokens, formBytes: BYTES_OF_ISOLATE, token, now };
    return new Gateway(new WasmEngine(llama, WASM_DRAFT, tokenizerJson), limits);
  });

export default {
  async fetch(request: Request, env: Env, ctx: Pick<DurableObjectState, "waitUntil">): Promise<Response> {
    try {
      const gateway = await gatewayOf(env);
      // A trapped engine fails this request; the next one loads a fresh one.
      if (!gateway.healthy) loaded.drop(gateway);
      if (request.headers.get("upgrade") !== "websocket") return await answer(gateway, request);
      const authorization = request.headers.get("authorization");
      const refused = await refusal(gateway, { path: new URL(request.url).pathname, authorization });
      return refused ?? accept(gateway, ctx, request.headers.get("traceparent"));
    } catch (error) {
      return errorResponse(error);
    }
  },
};

function accept(gateway: Gateway, ctx: Pick<DurableObjectState, "waitUntil">, traceparent: string | null): Response {
  const { 0: edge, 1: ours } = new WebSocketPair();
  const connection = new Connection(
    {
      send: (text) => quietly(() => ours.send(text)),
      close: (code, reason) => quietly(() => ours.close(code, reason)),
    },
    gateway,
    traceparent,
  );
  ours.addEventListener("message", ({ data }) => connection.receive(typeof data === "string" ? data : ""));
  ours.addEventListener("close", () => connection.closed());
  ours.addEventListener("error", () => connection.closed());
  ours.accept();
  // Once both sides are closed workerd drops the timers of this request, and what waits for one would never let go.
  ctx.waitUntil(connection.settled);
  return new Response(null, { status: 101, webSocket: edge });
}

/** workerd throws where the other side is gone; the close event says so as well. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // There is nobody left to send to.
  }
}
