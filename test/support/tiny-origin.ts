/** The tiny target behind a gateway on a port of this machine, in this process, with a proxy before it. */
import { WasmEngine } from "../../src/origin/engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway, type GatewayOptions, type GenerationEvent } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { type FaultProxy, faultProxy } from "./fault-proxy.ts";
import { loadPack, TINY_PACKS } from "./tiny.ts";

const MAX_DRAFT = 15;

export interface TinyOrigin {
  /** Leads through the proxy. */
  readonly url: string;
  readonly proxy: FaultProxy;
  /** Generations that have ended here. */
  readonly ended: readonly GenerationEvent[];
  close(): Promise<void>;
}

export async function tinyOrigin(own: Pick<GatewayOptions, "region"> = {}): Promise<TinyOrigin> {
  const engine = new WasmEngine(await loadPack(TINY_PACKS.target, 256, MAX_DRAFT + 1), MAX_DRAFT);
  const ended: GenerationEvent[] = [];
  const now = () => performance.now();
  const log = (event: GenerationEvent) => ended.push(event);
  const gateway = new Gateway(engine, { ...DEFAULT_LIMITS, token: null, now, log, ...own });
  const server = await serveOrigin(gateway, 0, "127.0.0.1");
  const proxy = await faultProxy(server.port);
  return {
    url: `http://127.0.0.1:${proxy.port}`,
    proxy,
    ended,
    close: async () => {
      await proxy.close();
      await server.close();
    },
  };
}
