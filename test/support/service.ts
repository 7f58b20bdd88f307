/**
 * The real service as child processes: the edge Worker in workerd under `wrangler dev`, and the Node origin.
 * Each start has its own port, assets and storage, and is stopped with its whole process group.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { answers, endGroup, giveWay, signalGroup } from "./process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const BIN = join(ROOT, "node_modules/.bin");

export interface Running {
  readonly url: string;
  /** To all its processes. */
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

export interface Edge extends Running {
  /** Port of the DevTools inspector of the edge isolate. */
  readonly inspectorPort: number;
  /** The folder of what its objects store. */
  readonly state: string;
  /** The process at the head of its group. */
  readonly pid: number;
}

export interface EdgeOptions {
  readonly targetPack: string;
  /** Null: an edge without weights. */
  readonly draftPack: string | null;
  /** An origin elsewhere; without one the embedded origin runs in the same workerd. */
  readonly originUrl?: string;
  readonly vars?: Readonly<Record<string, string>>;
  /** Another main module than the edge's own. */
  readonly main?: string;
  /** Leaves the cores to the origin, which in truth has some of its own. */
  readonly givesWay?: boolean;
}

/** Edge Worker in workerd, with the embedded origin unless `originUrl` is given. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const [port, inspectorPort] = [await freePort(), await freePort()];
  const home = mkdtempSync(join(tmpdir(), "outrider-edge-"));
  const edgeAssets = join(home, "assets");
  await assembleEdge(await describeTarget(options.draftPack ?? options.targetPack), options.draftPack, edgeAssets);
  const vars = {
    SHOW_CACHED: "true",
    ...options.vars,
    ...(options.originUrl ? { ORIGIN_URL: options.originUrl } : {}),
  };
  const origin = options.originUrl ? { url: options.originUrl } : { pack: options.targetPack };
  const state = join(home, "state");
  const files = writeSettings({ edgeAssets, origin }, home);
  const { main } = options;
  if (main) writeFileSync(files[0]!, JSON.stringify({ ...JSON.parse(readFileSync(files[0]!, "utf8")), main }));
  const args = ["dev", ...files.flatMap((file) => ["-c", file])];
  args.push("--port", `${port}`, "--inspector-port", `${inspectorPort}`, "--persist-to", state);
  for (const [name, value] of Object.entries(vars)) args.push("--var", `${name}:${value}`);
  const child = start(join(BIN, "wrangler"), args);
  if (options.givesWay) giveWay(child);
  const url = `http://127.0.0.1:${port}`;
  const stop = async (): Promise<void> => {
    await endGroup(child);
    rmSync(home, { recursive: true, force: true });
  };
  await healthy(url, child, stop);
  return { url, inspectorPort, state, pid: child.pid!, signal: (name) => signalGroup(child, name), stop };
}

/** The Node origin on a model, with further options of its command line; on a port of its own unless one is given. */
export async function startOrigin(
  model: string,
  engine = "wasm",
  options: readonly string[] = [],
  givenPort?: number,
): Promise<Running> {
  const port = givenPort ?? (await freePort());
  const args = ["src/outrider.ts", "origin", "--engine", engine, "--model", model, "--port", `${port}`, "--quiet"];
  const child = start(process.execPath, [...args, ...options]);
  const url = `http://127.0.0.1:${port}`;
  const stop = (): Promise<void> => endGroup(child);
  await healthy(url, child, stop);
  return { url, signal: (name) => signalGroup(child, name), stop };
}

function start(command: string, args: readonly string[]): ChildProcess & { output: string } {
  const child = spawn(command, args, {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      PATH: [dirname(process.execPath), BIN, process.env.PATH].join(delimiter),
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
      NO_COLOR: "1",
    },
  }) as ChildProcess & { output: string };
  child.output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      child.output = (child.output + text).slice(-20_000);
    });
  }
  return child;
}

async function healthy(
  url: string,
  child: ChildProcess & { output: string },
  stop: () => Promise<void>,
  ms = 600_000,
): Promise<void> {
  if (await answers(`${url}/health`, child, ms)) return;
  await stop();
  throw new Error(`${url}/health did not answer 200; the process said:\n${child.output}`);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
