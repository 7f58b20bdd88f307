/** The service that is loaded: workerd with the edge, and a gateway over an engine that costs nothing. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { isolateMemory } from "../../support/inspector.ts";
import { endGroup } from "../../support/process.ts";
import { startEdge } from "../../support/service.ts";
import { TINY_PACKS } from "../../support/tiny.ts";
import type { Watched } from "./gauge.ts";

export interface Loaded {
  readonly url: string;
  readonly processes: Readonly<Record<"edge" | "gateway", Watched>>;
  /** MB that the edge's isolate keeps alive: what Cloudflare would count, but for the draft's memory in WASM. */
  heapMb(): Promise<number>;
  /** How much each Session has stored, as Cloudflare would count it, in bytes. */
  stored(): readonly number[];
  stop(): Promise<void>;
}

export async function startLoaded(): Promise<Loaded> {
  const script = join(import.meta.dirname, "gateway.ts");
  const gateway = spawn(process.execPath, [script, "--pack", TINY_PACKS.draft], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const originUrl = await new Promise<string>((resolve, reject) => {
    createInterface(gateway.stdout!).once("line", resolve);
    gateway.once("exit", () => reject(new Error("the gateway did not start; its message is above")));
  });
  const edge = await startEdge({
    targetPack: TINY_PACKS.target,
    draftPack: TINY_PACKS.draft,
    originUrl,
    vars: { API_KEYS: "greedy,modest" },
  }).catch(async (error) => {
    await endGroup(gateway);
    throw error;
  });
  const databases = () =>
    readdirSync(edge.state, { recursive: true, encoding: "utf8" }).filter(
      (file) => file.includes("-Session") && file.endsWith(".sqlite") && !file.includes("metadata"),
    );
  return {
    url: edge.url,
    processes: {
      edge: { group: edge.pid, command: "workerd" },
      gateway: { group: gateway.pid!, command: "" },
    },
    heapMb: async () => {
      const { heapBytes, bufferBytes } = await isolateMemory(edge.inspectorPort, () => fetch(`${edge.url}/health`));
      return (heapBytes + bufferBytes) / 1e6;
    },
    stored: () => databases().map((file) => bytesOf(join(edge.state, file))),
    stop: async () => {
      await edge.stop();
      await endGroup(gateway);
    },
  };
}

/**
 * Bytes of a database, what only its log holds so far included. The local runtime keeps an object's name in a table of
 * its own, a page of SQLite that Cloudflare does not have.
 */
function bytesOf(file: string): number {
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    const number = (query: string) => Object.values(database.prepare(query).get()!)[0] as number;
    const local = number("SELECT count(*) FROM sqlite_master WHERE name = '__miniflare_do_name'");
    return (number("PRAGMA page_count") - local) * number("PRAGMA page_size");
  } finally {
    database.close();
  }
}
