import { expect, test } from "vitest";
import { answer } from "../../src/origin/door.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { Places } from "../../src/origin/places.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";

test("what Sessions tell is averaged by region, the newest counting most, and forgotten after a day", () => {
  let now = 0;
  const places = new Places(() => now);
  for (const roundTripMs of [100, 20, 20]) places.tell({ region: "enam", roundTripMs });
  places.tell({ region: "weur", roundTripMs: 5.26 });
  expect(places.roundTrips).toEqual({ enam: 65, weur: 5.3 });
  now = 23 * 3600_000;
  places.tell({ region: "weur", roundTripMs: 5.26 });
  now = 25 * 3600_000;
  expect(places.roundTrips).toEqual({ weur: 5.3 });
});

test("Sessions with the token tell, and /health says it with the origin's own region", async () => {
  const options = {
    ...DEFAULT_LIMITS,
    region: "weur",
    token: "a-token-for-tests",
    now: () => performance.now(),
  } as const;
  const gateway = new Gateway(new ScriptedEngine(), options);
  const tell = async (body: string, token = "a-token-for-tests") => {
    const init = { method: "POST", headers: { authorization: `Bearer ${token}` }, body };
    return (await answer(gateway, new Request("http://origin/v1/place", init))).status;
  };
  expect(await tell('{"region":"apac","roundTripMs":180}')).toBe(204);
  expect(await tell('{"region":"enam","roundTripMs":1}', "another-token-for-tests")).toBe(401);
  for (const bad of ["", "{}", '{"region":"eu","roundTripMs":1}', '{"region":"enam","roundTripMs":-1}']) {
    expect(await tell(bad)).toBe(400);
  }
  const health = await answer(gateway, new Request("http://origin/health"));
  expect(await health.json()).toMatchObject({ region: "weur", roundTrips: { apac: 180 } });
});
