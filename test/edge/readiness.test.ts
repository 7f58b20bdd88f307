/** Whether an edge can answer, and that asking costs its origins little. */
import { expect, test } from "vitest";
import { OriginWatch } from "../../src/edge/door/readiness.ts";
import type { Origin } from "../../src/edge/origins/origins.ts";
import { scriptedOrigin } from "../support/scripted-engine.ts";

const { gateway, server } = await scriptedOrigin();
const well = gateway.health();
await server.close();

/** An origin that answers so, and how often it was asked. */
function origin(name: string, answer: () => Response | Promise<Response>): Origin & { readonly asked: () => number } {
  let asked = 0;
  return {
    name,
    region: null,
    fetch: async () => {
      asked++;
      return await answer();
    },
    asked: () => asked,
  };
}

test("it is ready while one origin serves the model and takes answers", async () => {
  const watch = new OriginWatch(() => 0);
  const good = origin("good", () => Response.json(well));
  const others = [
    origin("draining", () => Response.json({ ...well, status: "draining" }, { status: 503 })),
    origin("another model", () => Response.json({ ...well, model: "another" })),
    origin("no origin", () => new Response("<html>")),
    origin("loading", () => Response.json({ status: "loading" }, { status: 503 })),
    origin("dead", () => Promise.reject(new Error("refused"))),
  ];
  expect(await watch.readiness("scripted", others)).toEqual({
    status: "no_origin",
    origins: { configured: 5, ready: 0 },
  });
  expect(await watch.readiness("scripted", [...others, good])).toEqual({
    status: "ready",
    origins: { configured: 6, ready: 1 },
  });
  expect(await watch.readiness("scripted", [])).toMatchObject({ status: "no_origin" });
  expect(await watch.readiness(null, [good])).toMatchObject({ status: "no_model" });
});

test("an origin is asked at most every five seconds", async () => {
  let now = 0;
  const watch = new OriginWatch(() => now);
  let status = 200;
  const one = origin("one", () => Response.json(well, { status }));
  for (let n = 0; n < 100; n++) await watch.readiness("scripted", [one]);
  expect(one.asked()).toBe(1);
  status = 503;
  now = 5000;
  expect(await watch.readiness("scripted", [one])).toMatchObject({ status: "no_origin" });
  expect(one.asked()).toBe(2);
  // However many ask while it has not answered yet.
  now = 10_000;
  status = 200;
  const all = await Promise.all(Array.from({ length: 50 }, () => watch.readiness("scripted", [one])));
  expect(one.asked()).toBe(3);
  expect(all.filter(({ status }) => status === "ready")).toHaveLength(1);
});
