/**
 * `serve` as a process of its own: one line when it answers, a silent end when it is told to end, and no word of its
 * secrets.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { runningFile } from "../../src/core/platform/places.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { stateFolder } from "../../src/tools/service/work-folder.ts";
import type { Service } from "../../src/tools/service/wrangler.ts";
import { freePort } from "../support/service.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-serve-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
let service: ChildProcess | undefined;
/** A busy machine takes a minute to start wrangler. */
const READY_MS = 180_000;
vi.setConfig({ testTimeout: 300_000 });
// A test that fails leaves it running.
afterEach(() => void service?.kill());

function started(port: number, given: Partial<Service> = {}) {
  const folder = join(home, "run");
  const all: Service = { port, folder, edgeAssets: home, origin: { pack: TINY_PACKS.target }, ...given };
  const module = pathToFileURL(runningFile("tools/service/wrangler.ts")).href;
  const program = `const { serve } = await import(${JSON.stringify(module)});
    const service = JSON.parse(process.env.TEST_SERVICE);
    delete process.env.TEST_SERVICE;
    await serve(service, (url) => console.log("ready at", url));`;
  const env = { ...process.env, TEST_SERVICE: JSON.stringify(all) };
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: home, env });
  service = child;
  const said = { stdout: "", stderr: "" };
  child.stdout.on("data", (text) => {
    said.stdout += text;
  });
  child.stderr.on("data", (text) => {
    said.stderr += text;
  });
  return { child, said };
}

test.skipIf(process.platform === "win32")("SIGTERM ends it with status 143 and no word", async () => {
  const port = await freePort();
  const { child, said } = started(port);
  const ended = once(child, "exit");
  await expect.poll(() => said.stdout, { timeout: READY_MS }).toContain("ready at");
  expect((await fetch(`http://localhost:${port}/health`)).status).toBe(200);
  child.kill("SIGTERM");
  expect((await ended)[0]).toBe(143);
  expect(said).toEqual({ stdout: `ready at http://localhost:${port}\n`, stderr: "" });
  await expect(fetch(`http://localhost:${port}/health`)).rejects.toThrow();
});

/** The processes that a process has started, and those that they have. */
function descendants(pid: number): number[] {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  const children = pairs.filter(([, parent]) => parent === pid).map(([child]) => child!);
  return children.flatMap((child) => [child, ...descendants(child)]);
}

/** Those of these processes that run. */
function alive(pids: readonly number[]): number[] {
  const rows = execFileSync("ps", ["-A", "-o", "pid=,stat="], { encoding: "utf8" }).split("\n");
  return pids.filter((pid) => rows.some((row) => new RegExp(`^\\s*${pid} +[^Z]`).test(row)));
}

test.skipIf(process.platform === "win32")("SIGTERM ends a wrangler that does not answer, and all of its", async () => {
  const port = await freePort();
  const { child, said } = started(port);
  const ended = once(child, "exit");
  await expect.poll(() => said.stdout, { timeout: READY_MS }).toContain("ready at");
  const [wrangler, ...others] = descendants(child.pid!);
  expect(others.length).toBeGreaterThan(0);
  process.kill(wrangler!, "SIGSTOP");
  child.kill("SIGTERM");
  expect((await ended)[0]).toBe(143);
  await expect.poll(() => alive([wrangler!, ...others]), { timeout: 20_000 }).toEqual([]);
});

test.skipIf(process.platform === "win32")("SIGKILL ends all of its; no request was traced, nothing shown", async () => {
  const port = await freePort();
  const folder = join(home, "killed");
  const { child, said } = started(port, { folder });
  await expect.poll(() => said.stdout, { timeout: READY_MS }).toContain("ready at");
  const url = `http://localhost:${port}`;
  const key = "in-a-query";
  for (let n = 0; n < 5; n++) await (await fetch(`${url}/v1/models?api_key=${key}`)).text();
  for (const path of ["/cdn-cgi/explorer", "/cdn-cgi/explorer/api"]) expect((await fetch(url + path)).status).toBe(404);
  const others = descendants(child.pid!);
  expect(others.length).toBeGreaterThan(1);
  child.kill("SIGKILL");
  await expect.poll(() => alive(others), { timeout: 60_000 }).toEqual([]);
  const state = readdirSync(stateFolder(folder), { recursive: true, withFileTypes: true });
  const files = state.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  // What wrangler keeps for the Workers' own objects.
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => file.includes("observability") || readFileSync(file).includes(key))).toEqual([]);
});

test.skipIf(process.platform === "win32")("ends where wrangler was killed, though workerd goes on", async () => {
  const port = await freePort();
  const { child, said } = started(port);
  const ended = once(child, "exit");
  await expect.poll(() => said.stdout, { timeout: READY_MS }).toContain("ready at");
  const [wrangler, ...others] = descendants(child.pid!);
  process.kill(wrangler!, "SIGKILL");
  // It holds the pipe that wrangler wrote to.
  expect((await ended)[0]).not.toBe(0);
  expect(said.stderr).toContain("wrangler dev ended");
  for (const pid of others) execFileSync("sh", ["-c", `kill -9 ${pid} 2>/dev/null || true`]);
});

test.skipIf(process.platform === "win32")("the origin gets its token, and no list of processes shows it", async () => {
  const token = "shown-to-nobody";
  const edgeAssets = join(home, "assets");
  await assembleEdge(await describeTarget(TINY_PACKS.target), null, edgeAssets);
  const asked: (string | undefined)[] = [];
  const origin = createHttpServer((_, response) => response.writeHead(401).end());
  origin.on("upgrade", ({ headers }, socket) => {
    asked.push(headers.authorization);
    socket.end("HTTP/1.1 401 Unauthorized\r\n\r\n");
  });
  await once(origin.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const port = await freePort();
  const { child, said } = started(port, { edgeAssets, origin: { url }, vars: { ORIGIN_TOKEN: token } });
  const ended = once(child, "exit");
  await expect.poll(() => said.stdout, { timeout: READY_MS }).toContain("ready at");
  const processes = execFileSync("ps", ["-A", "-ww", "-o", "args"], { encoding: "utf8" });
  expect(processes).toContain(join(home, "run/vars.env"));
  expect(processes.split("\n").filter((line) => line.includes(token))).toEqual([]);
  const messages = [{ role: "user", content: "Who?" }];
  await fetch(`http://localhost:${port}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "tiny", messages }),
  });
  expect(asked[0]).toBe(`Bearer ${token}`);
  child.kill("SIGTERM");
  await ended;
  origin.close();
  expect(existsSync(join(home, "run/vars.env"))).toBe(false);
});

test("a taken port is refused before anything starts", async () => {
  const other = createServer().listen(0, "localhost");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const { child, said } = started(port);
  await once(child, "exit");
  other.close();
  expect(said.stderr).toContain(`port ${port} of localhost is taken; give another with --port`);
});
