/** A draft that is an npm package, from a registry of our own, by the real npm. */

import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { type DraftTarball, packDraft } from "../../models/package.ts";
import { wholePack } from "../../src/core/platform/disk.ts";
import { obtainDraft } from "../../src/tools/obtain/draft-package.ts";
import { defaultPair, knownPairs, type Pair, readPair } from "../../src/tools/obtain/pair.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const MODELS = path.resolve(import.meta.dirname, "../../models");

let home: string;
let made: DraftTarball;
let registry: Server;
beforeAll(async () => {
  home = mkdtempSync(path.join(tmpdir(), "draft-package-"));
  made = await packDraft("tiny-draft", TINY_PACKS.draft, path.join(MODELS, "README.md"), home);
  const bytes = readFileSync(made.tarball);
  const [name = "", version = ""] = made.npm.split("@");
  registry = createServer((request, response) => {
    if (request.url === "/tarball.tgz") return void response.end(bytes);
    if (request.url !== `/${name}`) return void response.writeHead(404).end("{}");
    const tarball = `http://${request.headers.host}/tarball.tgz`;
    const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
    const versions = { [version]: { name, version, dist: { tarball, integrity } } };
    response.end(JSON.stringify({ name, "dist-tags": { latest: version }, versions }));
  });
  await new Promise<void>((listening) => registry.listen(0, "127.0.0.1", listening));
  vi.stubEnv("npm_config_registry", `http://127.0.0.1:${(registry.address() as AddressInfo).port}`);
  vi.stubEnv("npm_config_cache", path.join(home, "npm"));
  vi.spyOn(console, "error").mockImplementation(() => {});
});
afterAll(() => {
  registry.close();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  rmSync(home, { recursive: true });
});
beforeEach(() => {
  vi.stubEnv("OUTRIDER_CACHE", mkdtempSync(path.join(home, "cache-")));
});

/** A pair whose default draft is this package. */
function pairWith(draft: { npm: string; sha256: string }): Pair {
  const directory = mkdtempSync(path.join(home, "pair-"));
  const json = JSON.parse(readFileSync(path.join(defaultPair(knownPairs(MODELS)).directory, "pair.json"), "utf8"));
  writeFileSync(path.join(directory, "pair.json"), JSON.stringify({ ...json, drafts: { m: draft } }));
  return readPair(directory);
}

test("it is obtained once, and is the pack that was packed", async () => {
  const pair = pairWith({ npm: made.npm, sha256: made.sha256 });
  expect(pair).toMatchObject({ draft: expect.any(String), absent: null });
  await obtainDraft(pair, pair.draft!);
  expect((await wholePack(pair.draft!))?.model).toBe("tiny-draft");
  vi.stubEnv("npm_config_registry", "http://127.0.0.1:1");
  await obtainDraft(pair, pair.draft!);
  vi.stubEnv("npm_config_registry", `http://127.0.0.1:${(registry.address() as AddressInfo).port}`);
});

test("a package with another pack is refused, and nothing of it stays", async () => {
  const pair = pairWith({ npm: made.npm, sha256: "0".repeat(64) });
  await expect(obtainDraft(pair, pair.draft!)).rejects.toMatchObject({
    code: "bad_download",
    message: expect.stringContaining(`${made.npm} is not the one that ${pair.name} names`),
  });
  expect(existsSync(pair.draft!)).toBe(false);
  expect(readdirSync(path.join(process.env.OUTRIDER_CACHE!, "drafts"))).toEqual([]);
});

test("npm's reason and the next step are said where there is no such package", async () => {
  const pair = pairWith({ npm: "outrider-nowhere@1.0.0", sha256: made.sha256 });
  await expect(obtainDraft(pair, pair.draft!)).rejects.toMatchObject({
    code: "no_draft",
    message: expect.stringMatching(/outrider-nowhere@1\.0\.0 could not be obtained: .*404.*Or choose --draft none/),
  });
});

test("a name without a version is refused", () => {
  expect(() => pairWith({ npm: "outrider-tiny-draft", sha256: made.sha256 })).toThrow("drafts.m");
});
