/**
 * An edge of one's own from `outrider init` to an answer, as its owner types it: built, checked against a real
 * origin, and run in workerd. Only `npm install` is left out, which test/package does.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { answers, endGroup } from "../support/process.ts";
import { freePort, type Running, startOrigin } from "../support/service.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const TOKEN = "a-token-of-some-length";
const home = mkdtempSync(path.join(tmpdir(), "outrider-scaffold-"));
const edge = path.join(home, "edge");
const tokenFile = path.join(home, "token");
const env = { ...process.env, CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_SEND_METRICS: "false", NO_COLOR: "1" };
let origin: Running;

interface Typed {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

const outrider = (...argv: string[]): Promise<Typed> =>
  new Promise((resolve) => {
    const words = [path.join(ROOT, "outrider.js"), ...argv];
    const cwd = argv[0] === "init" ? home : edge;
    execFile(process.execPath, words, { cwd, env }, (error, out, err) =>
      resolve({ status: error ? Number(error.code) : 0, out, err }),
    );
  });

beforeAll(async () => {
  writeFileSync(tokenFile, TOKEN);
  origin = await startOrigin(TINY_PACKS.target, "wasm", ["--token-file", tokenFile]);
  expect(await outrider("init", "edge", "--origin", origin.url)).toMatchObject({
    status: 0,
    err: expect.not.stringContaining("at "),
  });
  mkdirSync(path.join(edge, "node_modules"));
  symlinkSync(ROOT, path.join(edge, "node_modules/outrider"));
  const secrets = path.join(edge, ".prod.vars");
  writeFileSync(secrets, readFileSync(secrets, "utf8").replace('ORIGIN_TOKEN=""', `ORIGIN_TOKEN="${TOKEN}"`));
});
afterAll(async () => {
  await origin?.stop();
  rmSync(home, { recursive: true, force: true });
});

test("before it is built, deploy says what is missing", async () => {
  const { status, out, err } = await outrider("deploy", "--dry-run");
  expect(out).toBe("✗ assets: assets holds no model\n  next: run `outrider build`\n");
  expect({ status, err }).toEqual({
    status: 1,
    err: "outrider deploy: a deployment would fail: one check did not pass\n",
  });
});

test("built, a dry run passes before an origin with its model, its vocabulary and a token that it takes", async () => {
  expect((await outrider("build", "--target", TINY_PACKS.target, "--draft", TINY_PACKS.draft)).out).toBe(
    "assets: an edge of tiny with the draft tiny-draft\n",
  );
  const { status, out, err } = await outrider("deploy", "--dry-run");
  expect(status, out + err).toBe(0);
  const [assets, worker, keys, served, unreachable] = out.split("\n");
  expect(assets).toMatch(/^✓ assets: tiny, draft tiny-draft; \d+ files, the largest \S+ MiB of 25 MiB$/);
  expect(worker).toMatch(/^✓ Worker: \d+ KiB of 64 MiB, compressed \d+ KiB$/);
  expect(keys).toBe("✓ keys: clients need one of API_KEYS");
  expect(served).toBe(`✓ origin: ${origin.url} serves tiny with the same vocabulary (wasm), and takes the token`);
  expect(unreachable).toMatch(/^✗ origin: 127\.0\.0\.1 is .* where Cloudflare cannot reach it$/);
  expect(out).toMatch(/\ndry run: nothing was uploaded; a deployment needs the step above\n$/);
  expect(err).toContain("10 ms of CPU");
  expect(out + err).not.toContain(TOKEN);
});

test("in workerd it answers whoever has its key, with the target's text", async () => {
  writeFileSync(path.join(edge, ".dev.vars"), readFileSync(path.join(edge, ".prod.vars")));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const wrangler = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
  const options = ["--port", `${port}`, "--ip", "127.0.0.1", "--inspector-port", `${await freePort()}`];
  const argv = [wrangler, "dev", ...options];
  const child = spawn(process.execPath, argv, { cwd: edge, env, detached: true, stdio: "ignore" });
  try {
    expect(await answers(`${url}/health`, child, 60_000)).toBe(true);
    const ask = (draft: string, key?: string): Promise<Response> =>
      fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(key !== undefined && { authorization: `Bearer ${key}` }) },
        body: JSON.stringify({
          model: "tiny",
          max_tokens: 16,
          seed: 3,
          messages: [{ role: "user", content: "Who rides ahead?" }],
          outrider: { draft },
        }),
      });
    const text = async (response: Response) =>
      ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;
    const key = parseEnv(readFileSync(path.join(edge, ".prod.vars"), "utf8")).API_KEYS!;
    expect((await ask("model")).status).toBe(401);
    const drafted = await text(await ask("model", key));
    expect(drafted.length).toBeGreaterThan(0);
    expect(await text(await ask("off", key))).toBe(drafted);
    expect((await fetch(`${url}/model/tokenizer.json`)).status).toBe(404);
  } finally {
    await endGroup(child);
  }
});
