/**
 * The real service as child processes: the edge Worker in workerd under `wrangler dev`, and the Node origin.
 * Each start has its own port, assets and storage, and is stopped with its whole process group.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { giveWay, type Started, signalGroup, started } from "./process.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const BIN = join(ROOT, "node_modules/.bin");
const ENV = {
  ...process.env,
  PATH: [dirname(process.execPath), BIN, process.env.PATH].join(delimiter),
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_SEND_METRICS: "false",
  NO_COLOR: "1",
};

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
  const leave = (): void => rmSync(home, { recursive: true, force: true });
  const url = `http://127.0.0.1:${port}`;
  const run = await started(url, join(BIN, "wrangler"), args, { cwd: ROOT, env: ENV }).catch((error) => {
    leave();
    throw error;
  });
  const { child } = run;
  if (options.givesWay) giveWay(child);
  const stop = (): Promise<void> => run.stop().then(leave);
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
  const url = `http://127.0.0.1:${port}`;
  const { child, stop } = await started(url, process.execPath, [...args, ...options], { cwd: ROOT, env: ENV });
  return { url, signal: (name) => signalGroup(child, name), stop };
}

/** The service as a user starts it: `npm start` in this folder with further words, and nothing of it replaced. */
export async function npmStart(options: readonly string[] = []): Promise<Started> {
  const port = `${await freePort()}`;
  const env = { ...process.env, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };
  return started(`http://localhost:${port}`, "npm", ["start", "--", "--port", port, ...options], { cwd: ROOT, env });
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
