/**
 * Where Sessions are asked to be. workerd on this machine places nothing: every object runs here whatever the hint. So
 * these tests see what Cloudflare would be asked, through a namespace that writes it down.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runningFile } from "../../src/platform/places.ts";
import { assembleEdge, describeTarget } from "../../src/service/assets.ts";
import { writeSettings } from "../../src/service/settings.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { type bundled as Bundled, bundled } from "./bundle.ts";
import { edgeWorker, originWorker, startWorkers } from "./harness.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-placement-"));
const assets = join(home, "assets");
let recording: Awaited<ReturnType<typeof Bundled>>;

/** The edge, with a namespace that remembers what was asked of it. */
const MAIN = `
  import worker, { Session } from ${JSON.stringify(runningFile("edge/worker.ts"))};
  export { Session };
  const asked = [];
  export default {
    fetch(request, env, ctx) {
      if (new URL(request.url).pathname === "/asked") return Response.json(asked.splice(0));
      const getByName = (name, options) => {
        asked.push({ name, ...options });
        return env.SESSION.getByName(name, options);
      };
      return worker.fetch(request, { ...env, SESSION: { getByName } }, ctx);
    },
  };`;

beforeAll(async () => {
  await assembleEdge(await describeTarget(TINY_PACKS.draft), TINY_PACKS.draft, assets);
  const main = join(home, "worker.js");
  writeFileSync(main, MAIN);
  const [file] = writeSettings({ edgeAssets: assets, origin: { pack: TINY_PACKS.target } }, home) as [string];
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), main }));
  recording = await bundled(file);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const ask = { model: "tiny", max_tokens: 4, messages: [{ role: "user", content: "Who rides ahead?" }] };

/** The edge with these settings, its answers to one request and to /health, and what its namespace was asked. */
async function asked(vars: Readonly<Record<string, string>>) {
  const { modules, modulesRoot } = recording as { modules: never; modulesRoot: string };
  const edge = { ...edgeWorker(assets, vars, true), modules, modulesRoot };
  const { url, miniflare } = await startWorkers([edge, originWorker(TINY_PACKS.target, {})]);
  try {
    const answer = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(ask),
    });
    return {
      status: answer.status,
      body: (await answer.json()) as { error?: { message: string; code: string } },
      health: await (await fetch(`${url}/health`)).json(),
      asked: (await (await fetch(`${url}/asked`)).json()) as { name: string; locationHint?: string }[],
    };
  } finally {
    await miniflare.dispose();
  }
}

describe("ORIGIN_REGION", () => {
  test("is the location hint when a Session is first asked for, and /health says so", async () => {
    const { status, health, asked: calls } = await asked({ ORIGIN_REGION: "apac-ne" });
    expect(status).toBe(200);
    expect(calls).toEqual([{ name: expect.stringMatching(/^[0-9a-f]{64}$/), locationHint: "apac-ne" }]);
    expect(health).toEqual({ status: "ok", sessions: { region: "apac-ne", why: "configured" } });
  });

  test.each<Readonly<Record<string, string>>>([{}, { ORIGIN_REGION: "" }])(
    "left out (%j), Cloudflare chooses",
    async (vars) => {
      const { status, health, asked: calls } = await asked(vars);
      expect(status).toBe(200);
      expect(calls).toEqual([{ name: expect.any(String) }]);
      expect(health).toEqual({ status: "ok", sessions: { region: null, why: "none" } });
    },
  );

  test("that names no region is refused before a Session is made, with one sentence", async () => {
    const { status, body, health, asked: calls } = await asked({ ORIGIN_REGION: "europe" });
    expect(status).toBe(500);
    expect(body.error).toMatchObject({
      code: "bad_setting",
      message: expect.stringMatching(/^ORIGIN_REGION is "europe", which is no region; write one of wnam, .*, or leave/),
    });
    expect(health).toEqual(body);
    expect(calls).toEqual([]);
  });
});
