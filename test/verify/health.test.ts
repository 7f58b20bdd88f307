import { expect, test } from "vitest";
import { decodeHealth, type Health } from "../../src/core/verify/health.ts";
import { PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";

const HEALTH: Health = {
  status: "ok",
  version: PROTOCOL_VERSION,
  model: "a-model",
  vocabulary: { size: 40, hash: "00ff" },
  engine: "wasm",
  context: 2048,
  rules: ["exact"],
  maxDraft: 15,
  tokenRequired: false,
  connections: 0,
  live: 0,
  queued: 0,
  region: "weur",
  kept: 0,
};

test("what an origin reports is read back, fields of later versions left out", () => {
  expect(decodeHealth(JSON.stringify(HEALTH))).toEqual(HEALTH);
  expect(decodeHealth(JSON.stringify({ ...HEALTH, later: 1 }))).toEqual(HEALTH);
});

test("an origin that speaks another version of the wire is refused before anything is served", () => {
  const other = JSON.stringify({ ...HEALTH, version: PROTOCOL_VERSION + 1 });
  expect(() => decodeHealth(other)).toThrow(
    `version ${PROTOCOL_VERSION + 1}, this side ${PROTOCOL_VERSION}; update the older one`,
  );
});

test("an origin that loads its model is told apart from what is no origin", () => {
  const loading = { status: "loading", type: "error", code: "loading", message: "…", retryable: true };
  expect(() => decodeHealth(JSON.stringify(loading))).toThrow(/loading its model/);
  for (const text of [
    "<html>",
    "",
    "null",
    "7",
    '{"status":"ok"}',
    JSON.stringify({ ...HEALTH, vocabulary: "00ff" }),
  ]) {
    expect(() => decodeHealth(text)).toThrow(/no Outrider origin/);
  }
});
