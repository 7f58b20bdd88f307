/**
 * Where Sessions are asked to be. workerd on this machine places nothing: every object runs here whatever the hint. So
 * these tests see what Cloudflare would be asked, through a namespace that writes it down.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { startRecording } from "./recording.ts";

let origin: TinyOrigin;
let told: TinyOrigin;
beforeAll(async () => {
  origin = await tinyOrigin();
  told = await tinyOrigin({ region: "oc" });
});
afterAll(async () => {
  await origin?.close();
  await told?.close();
});

const ask = { model: "tiny", max_tokens: 4, messages: [{ role: "user", content: "Who rides ahead?" }] };

/** The edge with these settings, its answers to one request and to /health, and what its namespace was asked. */
async function asked(vars: Readonly<Record<string, string>>) {
  const run = await startRecording(vars);
  try {
    const answer = await fetch(`${run.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(ask),
    });
    return {
      status: answer.status,
      body: (await answer.json()) as { error?: object; outrider?: { placement: object } },
      health: await (await fetch(`${run.url}/health`)).json(),
      calls: await run.asked(),
    };
  } finally {
    await run.close();
  }
}

const name = expect.stringMatching(/^[0-9a-f]{64}$/);

describe("a Session is first asked for with the hint", () => {
  test.each<[string, () => Readonly<Record<string, string>>, object]>([
    ["ORIGIN_REGION says", () => ({ ORIGIN_URL: told.url, ORIGIN_REGION: "apac-ne" }), { region: "apac-ne" }],
    ["ORIGIN_URL says", () => ({ ORIGIN_URL: `${told.url};region=eeur` }), { region: "eeur" }],
    ["the origin says", () => ({ ORIGIN_URL: told.url }), { region: "oc", why: "origin" }],
  ])("that %s, and /health and the answer's account say it", async (_, vars, expected) => {
    const sessions = { why: "configured", ...expected };
    const { status, body, health, calls } = await asked(vars());
    expect(status).toBe(200);
    expect(calls).toEqual([{ name, locationHint: (sessions as unknown as { region: string }).region }]);
    expect(health).toEqual({ status: "ok", sessions });
    expect(body.outrider?.placement).toMatchObject(sessions);
  });

  test("without one, where nothing is known", async () => {
    const silent = await tinyOrigin();
    const { status, health, calls } = await asked({ ORIGIN_URL: silent.url });
    await silent.close();
    expect(status).toBe(200);
    expect(calls).toEqual([{ name }]);
    expect(health).toEqual({ status: "ok", sessions: { region: null, why: "none" } });
  });
});

test("ORIGIN_REGION that names no region is refused before a Session is made, with one sentence", async () => {
  const { status, body, health, calls } = await asked({ ORIGIN_URL: origin.url, ORIGIN_REGION: "europe" });
  expect(status).toBe(500);
  expect(body.error).toMatchObject({
    code: "bad_setting",
    message: expect.stringMatching(/^ORIGIN_REGION is "europe", which is no region; write one of wnam, .*, or leave/),
  });
  expect(health).toEqual(body);
  expect(calls).toEqual([]);
});
