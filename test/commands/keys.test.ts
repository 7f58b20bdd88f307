import { createHash } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { parseKeys } from "../../src/core/platform/keys.ts";
import { main } from "../../src/tools/commands/main.ts";

const home = mkdtempSync(path.join(tmpdir(), "outrider-keys-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const file = path.join(home, "vars");
beforeEach(() => writeFileSync(file, '# Secrets\nAPI_KEYS=""\nOPERATOR_KEY="operator"\n', { mode: 0o600 }));

async function keys(...words: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  vi.spyOn(console, "log").mockImplementation((line) => void out.push(line));
  vi.spyOn(console, "error").mockImplementation((line) => void err.push(line));
  const status = await main(["keys", ...words, "--file", file]);
  vi.restoreAllMocks();
  return { status, out: out.join("\n"), err: err.join("\n") };
}
const records = () => parseKeys(parseEnv(readFileSync(file, "utf8")).API_KEYS || "none").named;

test("add shows the key once and keeps its hash, its limits and the rest of the file", async () => {
  const { out, status } = await keys("add", "anna", "--rpm", "60", "--tpm", "40000", "--max", "500");
  expect(status).toBe(0);
  const key = out.trim();
  expect(key).toMatch(/^or-[0-9a-f]{48}$/);
  const hash = createHash("sha256").update(key).digest("hex");
  expect(records()).toEqual([{ name: "anna", hash, limits: { rpm: 60, tpm: 40_000, max: 500 } }]);
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/^# Secrets\nAPI_KEYS="anna:.*"\nOPERATOR_KEY="operator"\n$/);
  expect(text).not.toContain(key);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("add again gives another key, and revoke takes it out: nobody is left, and the API is not open", async () => {
  const first = (await keys("add", "anna")).out;
  const second = (await keys("add", "anna", "--parallel", "2")).out;
  expect(second).not.toBe(first);
  await keys("add", "ben");
  expect(records().map(({ name, limits }) => ({ name, limits }))).toEqual([
    { name: "anna", limits: { parallel: 2 } },
    { name: "ben", limits: {} },
  ]);
  await keys("revoke", "anna");
  expect((await keys("list")).out).toMatch(/ben\s+no limits/);
  await keys("revoke", "ben");
  expect(parseEnv(readFileSync(file, "utf8")).API_KEYS).toBe("none");
  expect((await keys("list")).out).toContain("has no keys");
});

test("a file that others could use is its owner's alone before the hash is in it, and that is said", async () => {
  chmodSync(file, 0o666);
  const { err } = await keys("add", "anna");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(err).toContain(`${file} could be used by others of this machine; now it is its owner's alone`);
  expect((await keys("add", "ben")).err).not.toContain("could be used");
});

test("list asks the edge what each has used, with the operator's key", async () => {
  await keys("add", "anna", "--tpd", "1000");
  const server = createServer((request, response) => {
    const isOperator = request.headers.authorization === "Bearer operator";
    response.statusCode = isOperator && request.url === "/v1/usage/anna" ? 200 : 404;
    response.end(JSON.stringify({ days: [{ day: "2026-11-27", requests: 3, tokens: 120 }] }));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect((await keys("list", "--url", url)).out).toMatch(/anna\s+tpd=1000; 2026-11-27: 3 requests, 120 tokens/);
  server.close();
});

test.each([
  [["add"], /say add NAME, list or revoke NAME/],
  [["add", "Anna"], /"Anna" is no name of a key/],
  [["revoke", "nobody"], /has no key "nobody"/],
  [["forget", "anna"], /say add NAME/],
  [["add", "anna", "--rpm", "0"], /--rpm is a whole number from 1/],
])("%j is refused in a sentence", async (words, message) => {
  const { err, status } = await keys(...words);
  expect(status).toBeGreaterThan(0);
  expect(err).toMatch(message);
});
