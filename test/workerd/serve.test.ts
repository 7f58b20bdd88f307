/** `serve` as a process of its own: one line when it answers, and a silent end when it is told to end. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { runningFile } from "../../src/platform/places.ts";
import type { Service } from "../../src/service/wrangler.ts";
import { freePort } from "../support/service.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-serve-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function started(port: number) {
  const folder = join(home, "run");
  const service: Service = { port, folder, edgeAssets: home, origin: { pack: TINY_PACKS.target } };
  const module = pathToFileURL(runningFile("service/wrangler.ts")).href;
  const program = `const { serve } = await import(${JSON.stringify(module)});
    await serve(${JSON.stringify(service)}, (url) => console.log("ready at", url));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { cwd: home });
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
  await expect.poll(() => said.stdout, { timeout: 60_000 }).toContain("ready at");
  expect((await fetch(`http://localhost:${port}/health`)).status).toBe(200);
  child.kill("SIGTERM");
  expect((await ended)[0]).toBe(143);
  expect(said).toEqual({ stdout: `ready at http://localhost:${port}\n`, stderr: "" });
  await expect(fetch(`http://localhost:${port}/health`)).rejects.toThrow();
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
