import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { originCommand } from "../../src/tools/commands/origin.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-cli-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe("refuses, with a sentence,", () => {
  const cases: [string, string[], RegExp][] = [
    ["no model", [], /--model is missing/],
    ["an unknown option", ["--modle", "x"], /unknown option --modle \(did you mean --model\?\)/],
    [
      "an unknown engine",
      ["--engine", "tgi", "--model", "x"],
      /--engine is one of wasm, llama, sglang, vllm, emulated, not "tgi"/,
    ],
    [
      "a server that is not named",
      ["--engine", "vllm", "--model", "x"],
      /--url is missing; it says where the vllm server/,
    ],
    ["a server for an engine without", ["--model", "x", "--url", "http://localhost:1"], /wasm runs in this process/],
    [
      "a server that is not there",
      ["--engine", "sglang", "--model", TINY_PACKS.target, "--url", "http://127.0.0.1:9", "--port", "0"],
      /the SGLang server does not answer; is it running/,
    ],
    [
      "a port that is none",
      ["--model", "x", "--port", "70000"],
      /--port is a whole number from 0 to 65535, not "70000"/,
    ],
    ["an empty number", ["--model", "x", "--max-sessions", ""], /--max-sessions needs a value: --max-sessions N/],
    ["a pack that is not there", ["--model", join(home, "none")], /there is no such file/],
    [
      "more memory than there is",
      ["--model", TINY_PACKS.target, "--kv-tokens", "999999999"],
      /--kv-tokens: at most \d+ fit/,
    ],
  ];
  for (const [name, argv, message] of cases) {
    test(name, async () => {
      await expect(originCommand.run(argv)).rejects.toThrow(message);
    });
  }

  test("a short token", async () => {
    const file = join(home, "short");
    writeFileSync(file, "secret\n");
    const short = originCommand.run(["--model", TINY_PACKS.target, "--token-file", file]);
    await expect(short).rejects.toThrow(/at least 16 characters/);
  });

  test("a port that is taken", async () => {
    const other = createServer();
    await new Promise<void>((done) => other.listen(0, "127.0.0.1", done));
    const { port } = other.address() as { port: number };
    await expect(originCommand.run(["--model", TINY_PACKS.target, "--port", `${port}`])).rejects.toThrow(/is taken/);
    await new Promise((done) => other.close(done));
  });
});

test("serves a pack on a port, behind its token, until it is interrupted", async () => {
  const tokenFile = join(home, "token");
  writeFileSync(tokenFile, "a-token-of-some-length\n");
  const root = resolve(import.meta.dirname, "../..");
  const argv = ["src/outrider.ts", "origin", "--model", TINY_PACKS.target, "--port", "0", "--token-file", tokenFile];
  const child: ChildProcess = spawn(process.execPath, argv, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number | null>((done) => child.once("exit", done));
  const line = await new Promise<string>((done) => child.stdout!.once("data", (text: Buffer) => done(text.toString())));
  const url = /http:\S+/.exec(line)![0];
  const header = packHeader(TINY_PACKS.target);
  expect(line).toContain(header.model);
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ model: header.model, status: "ok" });
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
});
