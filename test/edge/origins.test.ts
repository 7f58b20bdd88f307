/** Several origins: which are configured, which is asked first, and what happens where one refuses or is silent. */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { Env } from "../../src/edge/env.ts";
import { Route } from "../../src/edge/origin.ts";
import { type Origin, originsOf } from "../../src/edge/origins.ts";
import { Places } from "../../src/edge/places.ts";
import { RoundTrips } from "../../src/edge/round-trips.ts";
import { OutriderError } from "../../src/model/errors.ts";
import { PROTOCOL_VERSION } from "../../src/verify/protocol.ts";
import type { Region } from "../../src/verify/region.ts";

afterEach(() => vi.useRealTimers());

describe("the settings", () => {
  const names = (env: object) => originsOf(env as Env).map(({ name, region }) => `${name} ${region}`);

  test("name one origin, several, the binding, or none", () => {
    expect(names({ ORIGIN_URL: "https://a.example", ORIGIN: {} })).toEqual(["https://a.example null"]);
    expect(names({ ORIGIN_URLS: "https://a.example;region=oc,https://b.example", ORIGIN_URL: "" })).toEqual([
      "https://a.example oc",
      "https://b.example null",
    ]);
    expect(names({ ORIGIN: {}, ORIGIN_URL: "", ORIGIN_URLS: "" })).toEqual(["ORIGIN null"]);
    expect(names({})).toEqual([]);
  });

  test("do not name them twice", () => {
    expect(() => names({ ORIGIN_URL: "https://a.example", ORIGIN_URLS: "https://b.example" })).toThrow(
      "ORIGIN_URL and ORIGIN_URLS are both set; keep one of them",
    );
  });

  test("the token goes with each request", async () => {
    const asked: [string, string | null][] = [];
    const ORIGIN = {
      fetch: async (url: string, init: RequestInit) => {
        asked.push([url, new Headers(init.headers).get("authorization")]);
        return new Response();
      },
    };
    const [origin] = originsOf({ ORIGIN, ORIGIN_TOKEN: "t" } as unknown as Env);
    await origin!.fetch("/health");
    expect(asked).toEqual([["http://origin/health", "Bearer t"]]);
  });
});

/** What an origin does with an upgrade. */
type Does = "opens" | "refuses" | "is gone" | "is silent" | "denies";

class Scripted implements Origin {
  readonly name: string;
  readonly region: Region | null;
  does: Does = "opens";
  /** Of one request, ms on the fake clock. */
  ms = 0;
  readonly told: unknown[] = [];
  health: object = {};

  constructor(name: string, region: Region | null = null) {
    this.name = name;
    this.region = region;
  }

  readonly fetch = async (path: string, init: RequestInit = {}): Promise<Response> => {
    if (this.does === "is gone") throw new TypeError("connection refused");
    if (this.does === "is silent") return new Promise(() => {});
    if (this.ms > 0) await vi.advanceTimersByTimeAsync(this.ms);
    if (path === "/v1/place") this.told.push(JSON.parse(`${init.body}`));
    if (path !== "/v1/verify") return Response.json(this.health);
    if (this.does === "denies") return new Response("{}", { status: 401 });
    if (this.does === "refuses") return new Response("{}", { status: 429 });
    return Object.assign(new Response(), { webSocket: { from: this.name } as unknown as WebSocket });
  };
}

describe("a route", () => {
  const routed = (does: Record<string, Does>) => {
    const origins = Object.entries(does).map(([name, what]) => Object.assign(new Scripted(name), { does: what }));
    const lost: string[] = [];
    const route = new Route(origins, ({ name }) => lost.push(name));
    const connect = async () => ((await route.connect()) as unknown as { from: string }).from;
    return { route, lost, connect, origins };
  };

  test("asks the first, and after its socket was lost the others in turn", async () => {
    const { connect, route, lost } = routed({ a: "opens", b: "opens", c: "opens" });
    expect([await connect(), await connect(), await connect(), await connect()]).toEqual(["a", "b", "c", "a"]);
    expect(route.asked?.name).toBe("a");
    expect(lost).toEqual([]);
  });

  test("alone, asks it again", async () => {
    const { connect } = routed({ a: "opens" });
    expect([await connect(), await connect()]).toEqual(["a", "a"]);
  });

  test.each<Does>(["refuses", "is gone", "denies"])("goes to the next at once where one %s", async (what) => {
    const { connect, lost, origins } = routed({ a: what, b: "opens" });
    expect(await connect()).toBe("b");
    expect(lost).toEqual(["a"]);
    origins[0]!.does = "opens";
    expect(await connect()).toBe("a");
  });

  test("goes to the next after three seconds where one is silent", async () => {
    vi.useFakeTimers();
    const { connect } = routed({ a: "is silent", b: "opens" });
    const connecting = connect();
    await vi.advanceTimersByTimeAsync(2999);
    expect(await Promise.race([connecting, "waiting"])).toBe("waiting");
    await vi.advanceTimersByTimeAsync(1);
    expect(await connecting).toBe("b");
  });

  test("where all refuse, says what may pass rather than what will not", async () => {
    const denied = { code: "origin_unreachable", retryable: false };
    await expect(routed({ a: "denies" }).connect()).rejects.toMatchObject(denied);
    await expect(routed({ a: "denies", b: "refuses" }).connect()).rejects.toMatchObject({ code: "origin_busy" });
    await expect(routed({ a: "denies", b: "is gone" }).connect()).rejects.toMatchObject({ retryable: true });
    await expect(routed({}).connect()).rejects.toThrow(OutriderError);
  });
});

describe("round trips", () => {
  const [a, b] = ["a", "b"].map((name) => new Scripted(name)) as [Scripted, Scripted];

  test("are measured once in ten minutes, the quicker of two requests, and told to each origin", async () => {
    vi.useFakeTimers();
    const trips = new RoundTrips(Date.now);
    const far = Object.assign(new Scripted("far"), { ms: 180 });
    await trips.measure([far], "apac");
    expect(trips.of(far)).toBe(180);
    expect(far.told).toEqual([{ region: "apac", roundTripMs: 180 }]);
    far.ms = 20;
    await trips.measure([far], "apac");
    expect(trips.nearest([far, a])).toBe(180);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    await trips.measure([far], null);
    expect(trips.nearest([far, a])).toBe(20);
    expect(far.told).toHaveLength(1);
  });

  test("put the nearest first, the one that holds the prefix before one a little nearer, the lost last", async () => {
    vi.useFakeTimers();
    const trips = new RoundTrips(Date.now);
    const order = (last: string | null = null) => trips.order([a, b], null, last).map(({ name }) => name);
    expect(order()).toEqual(["a", "b"]);
    [a.ms, b.ms] = [48, 40];
    await trips.measure([a], null);
    await trips.measure([b], null);
    expect(order()).toEqual(["b", "a"]);
    expect(order("a")).toEqual(["a", "b"]);
    trips.lost(b);
    expect(order()).toEqual(["a", "b"]);
    expect(trips.nearest([a, b])).toBe(48);
    a.ms = 0;
    await vi.advanceTimersByTimeAsync(20_000);
    await trips.measure([b], null);
    expect(order()).toEqual(["b", "a"]);
    b.does = "is gone";
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    await trips.measure([b], null);
    expect(trips.of(b)).toBeNull();
  });

  test("before any is measured, regions say which is nearer", () => {
    const trips = new RoundTrips(Date.now);
    const origins = [new Scripted("west", "wnam"), new Scripted("somewhere"), new Scripted("east", "enam")];
    expect(trips.order(origins, "weur", null).map(({ name }) => name)).toEqual(["east", "somewhere", "west"]);
    expect(trips.order(origins, null, null)).toEqual(origins);
  });
});

describe("what origins say about places", () => {
  const health = {
    status: "ok",
    version: PROTOCOL_VERSION,
    model: "tiny",
    vocabulary: { size: 1, hash: "" },
    engine: "wasm",
    context: 8,
    rules: [],
    maxDraft: 0,
    tokenRequired: false,
    connections: 0,
    live: 0,
    queued: 0,
    kept: 0,
  };

  test("is asked once in five minutes, and remembered where they fall silent", async () => {
    vi.useFakeTimers();
    const origin = Object.assign(new Scripted("a"), { health: { ...health, region: "oc", roundTrips: { oc: 3 } } });
    const asked = vi.spyOn(origin as { fetch: Origin["fetch"] }, "fetch");
    const places = new Places(Date.now);
    const say = async () => {
      const saying = places.of([origin], () => {});
      await vi.advanceTimersByTimeAsync(10);
      return (await saying)[0];
    };
    expect(await say()).toEqual({ region: "oc", roundTrips: { oc: 3 } });
    await say();
    expect(asked).toHaveBeenCalledTimes(1);
    origin.does = "is gone";
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(await say()).toEqual({ region: "oc", roundTrips: { oc: 3 } });
    expect(asked).toHaveBeenCalledTimes(2);
  });

  test("an origin of an older version says nothing, and one that is silent is waited for 300 ms", async () => {
    vi.useFakeTimers();
    const [older, silent] = [new Scripted("older"), new Scripted("silent")];
    older.health = health;
    silent.does = "is silent";
    const places = new Places(Date.now);
    let said: unknown;
    void places.of([older, silent], () => {}).then((all) => (said = all));
    await vi.advanceTimersByTimeAsync(290);
    expect(said).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20);
    expect(said).toEqual(Array(2).fill({ region: null, roundTrips: {} }));
  });
});
