/**
 * Runs what a document shows. Blocks that are marked `run` go through bash one after the other in one folder; a block
 * that is marked `start` runs beside them, from when it answers on its port until the document ends. `run-long` and
 * `start-long` are the same for what downloads or takes minutes (`npm run suite docs`).
 */
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { type CodeBlock, codeBlocks, ROOT, read } from "./markdown.ts";

/** The port that the documents show. */
const SHOWN_PORT = "8787";

/** Blocks of a document that carry one of the markers. */
export const marked = (document: string, markers: readonly string[]): CodeBlock[] =>
  codeBlocks(read(document)).filter(({ marker }) => markers.includes(marker));

/** A folder with the project's models and its `outrider`, as in a clone. */
export function likeClone(folder: string): void {
  mkdirSync(join(folder, "node_modules/.bin"), { recursive: true });
  symlinkSync(join(ROOT, "outrider.js"), join(folder, "node_modules/.bin/outrider"));
  symlinkSync(join(ROOT, "models"), join(folder, "models"));
}

/** An empty folder with the tarball of `npm pack`. */
export function withTarball(folder: string): void {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/**
 * Rejects with what the first block that fails wrote. Resolves to what each block wrote to stdout.
 * @param furnish makes an empty folder what the blocks expect
 */
export async function runBlocks(blocks: readonly CodeBlock[], furnish: (folder: string) => void): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-docs-"));
  const port = await freePort();
  const env = { ...process.env, PORT: port, CI: "1" };
  const services: ChildProcess[] = [];
  const printed: string[] = [];
  try {
    furnish(folder);
    for (const { code, marker } of blocks) {
      const script = `set -euo pipefail\n${code.replaceAll(SHOWN_PORT, port)}`;
      if (marker.startsWith("start")) {
        services.push(await started(script, { cwd: folder, env }, `http://localhost:${port}/health`));
        continue;
      }
      const { stdout } = await promisify(execFile)("bash", ["-c", script], {
        cwd: folder,
        env,
        maxBuffer: 1 << 26,
        timeout: 600_000,
      });
      printed.push(stdout);
    }
    return printed;
  } finally {
    for (const service of services) await stopped(service);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A service in a process group of its own, once `url` answers. Rejects with what it wrote when it ends before. */
async function started(script: string, options: object, url: string): Promise<ChildProcess> {
  const service = spawn("bash", ["-c", script], { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let written = "";
  for (const stream of [service.stdout, service.stderr]) {
    stream?.on("data", (chunk) => {
      written += chunk;
    });
  }
  const deadline = Date.now() + 600_000;
  while (Date.now() < deadline) {
    if (service.exitCode !== null) throw new Error(`it ended with status ${service.exitCode}:\n${written}`);
    const ok = await fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ok) return service;
    await sleep(200);
  }
  await stopped(service);
  throw new Error(`${url} did not answer:\n${written}`);
}

async function stopped(service: ChildProcess): Promise<void> {
  if (service.exitCode !== null || service.pid === undefined) return;
  const ended = once(service, "exit");
  process.kill(-service.pid, "SIGTERM");
  await ended;
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return `${port}`;
}
