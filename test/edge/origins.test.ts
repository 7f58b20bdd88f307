/** Several origins: which are configured, which is asked first, and what happens where one refuses or is silent. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { OutriderError } from "../../src/core/model/errors.ts";
import { PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import type { Region } from "../../src/core/verify/region.ts";
import type { Env } from "../../src/edge/env.ts";
import { Breakers } from "../../src/edge/origins/breaker.ts";
import { Route } from "../../src/edge/origins/origin.ts";
import { deadlineOf, type Origin, originsOf } from "../../src/edge/origins/origins.ts";
import { RoundTrips } from "../../src/edge/origins/round-trips.ts";
import { Places } from "../../src/edge/place/places.ts";

afterEach(() => vi.useRealTimers());

describe("the settings", () => {
  const names = (env: object) => originsOf(env as Env).map(({ name, region }) => `${name} ${region}`);

  test("name one origin, several, the binding, or none", () => {
    expect(names({ ORIGIN_URL: "https://a.example", ORIGIN: {} })).toEqual(["https://a.example null"]);
    expect(names({ ORIGIN_URL: "https://a.example;region=oc,https://b.example" })).toEqual([
      "https://a.example oc",
      "https://b.example null",
    ]);
    expect(names({ ORIGIN: {}, ORIGIN_URL: "" })).toEqual(["ORIGIN null"]);
    expect(names({})).toEqual([]);
  });

  test("name a deadline in whole milliseconds", () => {
    expect(deadlineOf({} as Env)).toBeUndefined();
    expect(deadlineOf({ ORIGIN_DEADLINE_MS: "120000" } as Env)).toBe(120_000);
    for (const given of ["0", "1 minute", "-5", "1e99"]) {
      expect(() => deadlineOf({ ORIGIN_DEADLINE_MS: given } as Env), given).toThrow(/ORIGIN_DEADLINE_MS is/);
    }
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
  /** Whether a request was given up. */
  aborted = false;
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
    init.signal?.addEventListener("abort", () => {
      this.aborted = true;
    });
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
  const routed = (does: Record<string, Does>, breakers = new Breakers(Date.now)) => {
    const origins = Object.entries(does).map(([name, what]) => Object.assign(new Scripted(name), { does: what }));
    const next = () => new Route(origins, breakers, Date.now);
    const dialled = async (route: Route) => ((await route.connect()) as unknown as { from: string }).from;
    const route = next();
    return { route, origins, breakers, connect: () => dialled(route), another: () => dialled(next()) };
  };
  const failure = (code: string, retryable = true, status = 503) => new OutriderError(code, "", { status, retryable });

  test("asks the first, and after its socket was lost the others in turn", async () => {
    const { connect, route, another } = routed({ a: "opens", b: "opens", c: "opens" });
    expect([await connect(), await connect(), await connect(), await connect()]).toEqual(["a", "b", "c", "a"]);
    expect(route.asked?.name).toBe("a");
    expect(await another()).toBe("a");
  });

  test("alone, asks it again", async () => {
    const { connect } = routed({ a: "opens" });
    expect([await connect(), await connect()]).toEqual(["a", "a"]);
  });

  test.each<Does>(["refuses", "is gone", "denies"])("goes to the next at once where one %s", async (what) => {
    const { connect, another, origins } = routed({ a: what, b: "opens" });
    expect(await connect()).toBe("b");
    origins[0]!.does = "opens";
    // One that is full may not be the next time. One that is gone is asked last for a while.
    const asked = what === "refuses" ? "a" : "b";
    expect([await connect(), await another()]).toEqual([asked, asked]);
  });

  test("asks one that failed lately where no other answers", async () => {
    const { connect, another, origins } = routed({ a: "is gone", b: "opens" });
    await connect();
    origins[0]!.does = "opens";
    origins[1]!.does = "is gone";
    expect(await another()).toBe("a");
  });

  test("an origin that is silent is asked last by the next answer, one whose socket broke once is not", async () => {
    for (const [code, asked] of [
      ["origin_timeout", "b"],
      ["origin_lost", "a"],
    ] as const) {
      const { connect, route, another } = routed({ a: "opens", b: "opens" });
      await connect();
      expect(route.failed(failure(code))).toBe(true);
      expect(await another(), code).toBe(asked);
    }
  });

  test("one with another model is not asked again, and where all have another the error is final", async () => {
    const { connect, route } = routed({ a: "opens", b: "opens" });
    expect(await connect()).toBe("a");
    expect(route.failed(failure("unknown_model", false, 502))).toBe(true);
    expect(await connect()).toBe("b");
    expect(route.failed(failure("unknown_model", false, 502))).toBe(false);
  });

  test("what is wrong with the request is not asked elsewhere, and says nothing of the origin", async () => {
    const { connect, route, another } = routed({ a: "opens", b: "opens" });
    await connect();
    expect(route.failed(failure("context_exceeded", false, 400))).toBe(false);
    expect(await another()).toBe("a");
  });

  test("a fault that an origin did not foresee may be the request's, until another origin answers it", async () => {
    const { connect, route, another, breakers } = routed({ a: "opens", b: "opens" });
    expect(await connect()).toBe("a");
    for (let i = 0; i < 5; i++) expect(route.failed(failure("internal"))).toBe(true);
    expect(await another()).toBe("a");
    expect(await connect()).toBe("b");
    for (const told of [1, 2, 3]) {
      route.decided();
      expect(breakers.isOpen("a"), `${told}`).toBe(told === 3);
      if (told === 3) continue;
      // The same at the next answers.
      expect(await connect()).toBe("a");
      route.failed(failure("internal"));
      expect(await connect()).toBe("b");
    }
    expect(breakers.isOpen("b")).toBe(false);
  });

  test("says how often an answer was interrupted, for how long, and by how many origins it was decided", async () => {
    let now = 0;
    const origins = [new Scripted("a"), new Scripted("b")];
    const route = new Route(origins, new Breakers(() => now), () => now);
    await route.connect();
    route.failed(failure("origin_lost"));
    now = 5;
    await route.connect();
    route.decided();
    expect(route.interrupted).toBeNull();
    now = 10;
    route.failed(failure("origin_lost"));
    await route.connect();
    now = 17;
    route.failed(failure("origin_lost"));
    await route.connect();
    await route.connect();
    now = 40;
    route.decided();
    expect(route.interrupted).toEqual({ times: 2, pauseMs: 30, origins: 2 });
  });

  test("goes to the next after three seconds where one is silent", async () => {
    vi.useFakeTimers();
    const { connect, origins } = routed({ a: "is silent", b: "opens" });
    const connecting = connect();
    await vi.advanceTimersByTimeAsync(2999);
    expect(await Promise.race([connecting, "waiting"])).toBe("waiting");
    expect(origins[0]!.aborted).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await connecting).toBe("b");
    expect(origins[0]!.aborted).toBe(true);
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

  test("are measured once in ten minutes, the quicker of two requests", async () => {
    vi.useFakeTimers();
    const trips = new RoundTrips(new Breakers(Date.now), Date.now);
    const far = Object.assign(new Scripted("far"), { ms: 180 });
    await trips.measure([far]);
    expect(trips.of(far)).toBe(180);
    far.ms = 20;
    await trips.measure([far]);
    expect(trips.nearest([far, a])).toBe(180);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    await trips.measure([far]);
    expect(trips.nearest([far, a])).toBe(20);
  });

  test("put the nearest first, the one that holds the prefix before one a little nearer, and leave out what failed", async () => {
    vi.useFakeTimers();
    const breakers = new Breakers(Date.now);
    const trips = new RoundTrips(breakers, Date.now);
    const order = (last: string | null = null) => trips.order([a, b], null, last).map(({ name }) => name);
    expect(order()).toEqual(["a", "b"]);
    [a.ms, b.ms] = [48, 40];
    await trips.measure([a]);
    await trips.measure([b]);
    expect(order()).toEqual(["b", "a"]);
    expect(order("a")).toEqual(["a", "b"]);
    // Whoever is open is no measure of how far an origin is.
    breakers.failed("b", "hard");
    expect(trips.nearest([a, b])).toBe(48);
    expect(trips.of(b)).toBeNull();
    await vi.advanceTimersByTimeAsync(5000);
    await trips.measure([b]);
    breakers.worked("b");
    expect(trips.of(b)).toBe(40);
    b.does = "is gone";
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    await trips.measure([b]);
    expect(trips.of(b)).toBeNull();
    expect(breakers.isOpen("b")).toBe(true);
  });

  test("an origin whose health is not well is none that answers", async () => {
    const breakers = new Breakers(Date.now);
    const draining = new Scripted("draining");
    const fetch = async () => Response.json({ status: "draining" }, { status: 503 });
    Object.assign(draining, { fetch });
    await new RoundTrips(breakers, Date.now).measure([draining]);
    expect(breakers.isOpen("draining")).toBe(true);
  });

  test("before any is measured, regions say which is nearer", () => {
    const trips = new RoundTrips(new Breakers(Date.now), Date.now);
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
    const origin = Object.assign(new Scripted("a"), { health: { ...health, region: "oc" } });
    const asked = vi.spyOn(origin as { fetch: Origin["fetch"] }, "fetch");
    const places = new Places(Date.now);
    const say = async () => {
      const saying = places.of([origin], () => {});
      await vi.advanceTimersByTimeAsync(10);
      return (await saying)[0];
    };
    expect(await say()).toEqual("oc");
    await say();
    expect(asked).toHaveBeenCalledTimes(1);
    origin.does = "is gone";
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(await say()).toEqual("oc");
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
    expect(said).toEqual([null, null]);
  });
});
