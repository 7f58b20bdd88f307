/**
 * An edge whose settings stand in code, `createEdge` of `outrider/edge`: both the Worker and its Sessions go by them.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runningFile } from "../../src/core/platform/places.ts";
import { assembleEdge, describeTarget } from "../../src/tools/service/assets.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { bundled } from "./bundle.ts";
import { answerOf, startWorkers } from "./harness.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-create-edge-"));
let running: Awaited<ReturnType<typeof startWorkers>>;
let origin: TinyOrigin;

beforeAll(async () => {
  origin = await tinyOrigin();
  const assets = join(home, "assets");
  await assembleEdge(await describeTarget(TINY_PACKS.draft), TINY_PACKS.draft, assets);
  const main = join(home, "worker.js");
  writeFileSync(
    main,
    `import { createEdge } from ${JSON.stringify(runningFile("edge/exports.ts"))};
     const edge = createEdge({ API_KEYS: "alpha", ORIGIN_URL: ${JSON.stringify(origin.url)} });
     export default edge.worker;
     export const Session = edge.Session;
     export { Meter } from ${JSON.stringify(runningFile("edge/exports.ts"))};`,
  );
  const [file] = writeSettings({ edgeAssets: assets, origin: null }, home) as [string];
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), main }));
  running = await startWorkers([{ ...(await bundled(file)), bindings: { API_KEYS: "beta" } }]);
});
afterAll(async () => {
  await running?.miniflare.dispose();
  await origin?.close();
  rmSync(home, { recursive: true, force: true });
});

const ask = (key: string): Promise<Response> =>
  fetch(`${running.url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: "tiny", max_tokens: 4, messages: [{ role: "user", content: "Who rides ahead?" }] }),
  });

test("the Worker takes the keys of the code, and those of its environment no more", async () => {
  expect((await ask("alpha")).status).toBe(200);
  expect((await ask("beta")).status).toBe(401);
});

test("a Session asks the origin that the code names", async () => {
  expect((await answerOf(ask("alpha"))).timings.target_passes).toBeGreaterThan(0);
});
