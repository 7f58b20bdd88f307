/** The service that is loaded: workerd with the edge, and a gateway over an engine that costs nothing. */
import { spawn } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { endGroup } from "../../support/process.ts";
import { startEdge } from "../../support/service.ts";
import { TINY_PACKS } from "../../support/tiny.ts";
import type { Watched } from "./gauge.ts";

export interface Loaded {
  readonly url: string;
  readonly processes: Readonly<Record<"edge" | "gateway", Watched>>;
  /** Databases of Sessions. */
  objects(): number;
  storedBytes(): number;
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
      (file) => file.endsWith(".sqlite") && !file.includes("metadata"),
    );
  return {
    url: edge.url,
    processes: {
      edge: { group: edge.pid, command: "workerd" },
      gateway: { group: gateway.pid!, command: "" },
    },
    objects: () => databases().length,
    storedBytes: () => databases().reduce((sum, file) => sum + statSync(join(edge.state, file)).size, 0),
    stop: async () => {
      await edge.stop();
      await endGroup(gateway);
    },
  };
}
