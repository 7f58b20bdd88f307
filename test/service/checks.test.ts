/** What `outrider deploy` checks, against folders and origins that are wrong in one thing each. */
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EdgeModel } from "../../src/core/format/edge-model.ts";
import { PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import {
  builtModel,
  checkAssets,
  checkKeys,
  checkOrigin,
  checkPublic,
  checkRegion,
  checkWorker,
} from "../../src/tools/service/checks.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-checks-"));
afterAll(() => rmSync(home, { recursive: true }));

const EDGE: EdgeModel = {
  model: "tiny",
  vocabulary: { size: 512, hash: "0123456789abcdef" },
  context: 2048,
  stopIds: [2],
  draft: "tiny-draft",
};

describe("assets", () => {
  const assets = path.join(home, "assets");
  beforeAll(() => {
    mkdirSync(path.join(assets, "model"), { recursive: true });
    writeFileSync(path.join(assets, "model/target.json"), JSON.stringify(EDGE));
    writeFileSync(path.join(assets, "model/tokenizer.json"), "x".repeat(2 ** 20));
  });

  test("are those of a model", async () => {
    expect(await builtModel(assets)).toEqual(EDGE);
    expect(await builtModel(home)).toBeUndefined();
  });

  test("fit", async () => {
    const about = "assets: tiny, draft tiny-draft; 2 files, the largest 1 MiB of 25 MiB";
    expect(await checkAssets(assets, EDGE)).toEqual({ result: "passed", about });
    const without = await checkAssets(assets, { ...EDGE, draft: null });
    expect(without.about).toContain("tiny, without a draft");
  });

  test("may have 25 MiB a file and no byte more", async () => {
    const shard = path.join(assets, "model.safetensors");
    writeFileSync(shard, "");
    truncateSync(shard, 25 * 2 ** 20);
    expect((await checkAssets(assets, EDGE)).result).toBe("passed");
    truncateSync(shard, 25 * 2 ** 20 + 1);
    expect(await checkAssets(assets, EDGE)).toMatchObject({
      result: "failed",
      about: expect.stringMatching("model.safetensors"),
    });
  });
});

test("a Worker is counted without its source maps, and compressed file by file", async () => {
  const bundle = path.join(home, "bundle");
  mkdirSync(bundle);
  writeFileSync(path.join(bundle, "worker.js"), "a".repeat(10_240));
  writeFileSync(path.join(bundle, "worker.js.map"), "b".repeat(99_999));
  const about = "Worker: 10 KiB of 64 MiB, compressed 1 KiB";
  expect(await checkWorker(bundle)).toEqual({ result: "passed", about });
});

test.each([
  [["API_KEYS"], false, "passed", /clients need one of API_KEYS/],
  [["API_KEYS"], true, "failed", /--open is said, and API_KEYS is set/],
  [[], false, "open", /no API_KEYS, so that anybody could use your origin/],
  [[], true, "open", /can be computed by anybody/],
  [["SESSION_SECRET"], true, "passed", /open to everybody as --open says/],
] as const)("secrets %j with --open %s: %s", (secrets, isOpen, result, about) => {
  const check = checkKeys(secrets, isOpen, ".prod.vars");
  expect(check).toMatchObject({ result, about: expect.stringMatching(about) });
  expect(check.next === undefined).toBe(result === "passed");
});

const NOBODY = { url: undefined, bound: false, token: undefined };

test("an origin behind a binding cannot be asked", async () => {
  expect(await checkOrigin({ ...NOBODY, bound: true }, EDGE)).toMatchObject({ result: "passed" });
});

describe("an origin", () => {
  let server: Server;
  let url: string;
  let health: Record<string, unknown>;
  const HEALTH = {
    status: "ok",
    version: PROTOCOL_VERSION,
    model: EDGE.model,
    vocabulary: EDGE.vocabulary,
    engine: "wasm",
    context: 2048,
    rules: ["exact"],
    maxDraft: 16,
    tokenRequired: true,
    connections: 0,
    live: 0,
    queued: 0,
    kept: 0,
  };

  beforeAll(async () => {
    server = createServer((request, response) => {
      if (request.url === "/health") return response.end(JSON.stringify(health));
      const known = request.headers.authorization === "Bearer right";
      response.writeHead(known ? 200 : 401).end();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  const vocabulary = { size: 512, hash: "another" };
  test.each<[string, object, string | undefined, string, RegExp]>([
    ["that fits", {}, "right", "passed", /serves tiny with the same vocabulary \(wasm\), and takes the token$/],
    ["that asks for no token", { tokenRequired: false }, undefined, "passed", /it asks for no token$/],
    ["whose token is known to Cloudflare alone", {}, "hidden", "passed", /cannot be seen from here$/],
    ["without the token it asks for", {}, undefined, "failed", /it asks for a token$/],
    ["with the wrong token", {}, "wrong", "failed", /and refuses the token$/],
    ["of another model", { model: "huge" }, "right", "failed", /serves huge, this edge is built for tiny$/],
    ["of another vocabulary", { vocabulary }, "right", "failed", /serves a tiny with another vocabulary$/],
    ["that is something else", { version: "x" }, "right", "failed", /no Outrider origin of this version/],
  ])("%s", async (_, differs, token, result, about) => {
    health = { ...HEALTH, ...differs };
    expect(await checkOrigin({ url, bound: false, token }, EDGE)).toMatchObject({
      result,
      about: expect.stringMatching(about),
    });
  });

  test("that is not there", async () => {
    const check = await checkOrigin({ ...NOBODY, url: "http://127.0.0.1:9" }, EDGE);
    expect(check).toMatchObject({ result: "failed", about: "origin: http://127.0.0.1:9: it does not answer" });
  });

  test.each<[string | undefined, string]>([
    [undefined, "open"],
    ["", "open"],
    ["origin.example.com", "failed"],
  ])("named %j: %s", async (named, result) => {
    expect((await checkOrigin({ ...NOBODY, url: named }, EDGE)).result).toBe(result);
  });
});

test.each([
  ["http://localhost:8788", true],
  ["http://127.0.0.1:8788", true],
  ["http://[::1]:8788", true],
  ["http://192.168.1.7:8788", true],
  ["http://172.20.0.3", true],
  ["http://gpu.local", true],
  ["https://origin.example.com", false],
  ["https://172.15.0.1", false],
  ["https://localhost.example.com", false],
  [undefined, false],
])("%s is of this machine's network: %s", (url, own) => {
  expect(checkPublic(url)?.result).toBe(own ? "open" : undefined);
});

describe("the region", () => {
  test.each([undefined, ""])("left out (%j) is no check", (region) => {
    expect(checkRegion(region)).toBeUndefined();
  });

  test("that Cloudflare knows", () => {
    expect(checkRegion("weur")).toEqual({ result: "passed", about: "sessions: beside the origin, in weur" });
  });

  test("that nobody knows fails the deployment", () => {
    const { result, about } = checkRegion("eu-west-1")!;
    expect(result).toBe("failed");
    expect(about).toContain('ORIGIN_REGION is "eu-west-1", which is no region; write one of wnam, enam,');
  });
});
