/**
 * Starts an isolate in this process and reports when. workerd's clock stands at 0 while a Worker's own modules are
 * evaluated, so another Worker has to take the time. The isolate's code lies among the assets, in /cold/.
 */
import type { ColdTimes } from "./isolate.ts";

interface Code {
  readonly compatibilityDate: string;
  readonly mainModule: string;
  readonly modules: Readonly<Record<string, { js: string } | { wasm: ArrayBuffer }>>;
  readonly env: { readonly ASSETS: Fetcher };
}

interface Env {
  readonly ASSETS: Fetcher;
  readonly LOADER: { get(id: string, code: () => Code): { getEntrypoint(): Fetcher } };
}

export interface ColdStart extends ColdTimes {
  /** The isolate is asked for. */
  readonly started: number;
}

export default {
  async fetch(_: Request, { ASSETS, LOADER }: Env): Promise<Response> {
    const file = (name: string) => ASSETS.fetch(`https://assets/cold/${name}`);
    const names = (await (await file("modules.json")).json()) as string[];
    const modules: Record<string, { js: string } | { wasm: ArrayBuffer }> = {};
    for (const name of names) {
      const response = await file(name);
      modules[name] = name.endsWith(".js") ? { js: await response.text() } : { wasm: await response.arrayBuffer() };
    }
    const code: Code = { compatibilityDate: "2026-10-01", mainModule: "isolate.js", modules, env: { ASSETS } };
    const started = Date.now();
    const isolate = LOADER.get("isolate", () => code).getEntrypoint();
    const times = (await (await isolate.fetch("https://isolate/")).json()) as ColdTimes;
    return Response.json({ started, ...times } satisfies ColdStart);
  },
};
