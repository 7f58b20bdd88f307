import { describe, expect, test } from "vitest";
import type { RoundTrips } from "../../src/core/verify/place.ts";
import { REGIONS, type Region } from "../../src/core/verify/region.ts";
import { nearestTo } from "../../src/edge/origins/geography.ts";
import { isMisplaced, type OriginPlace, placementOf } from "../../src/edge/place/placement.ts";
import { NOTHING_SAID } from "../../src/edge/place/places.ts";

const CITIES = {
  paris: { latitude: 48.9, longitude: 2.4 },
  warsaw: { latitude: 52.2, longitude: 21 },
  boston: { latitude: 42.4, longitude: -71.1 },
  seattle: { latitude: 47.6, longitude: -122.3 },
  tokyo: { latitude: 35.7, longitude: 139.7 },
  singapore: { latitude: 1.35, longitude: 103.8 },
  auckland: { latitude: -36.8, longitude: 174.8 },
  lima: { latitude: -12, longitude: -77 },
  nairobi: { latitude: -1.3, longitude: 36.8 },
  doha: { latitude: 25.3, longitude: 51.5 },
};

test("the region nearest to a city, over the date line too", () => {
  const regions = Object.entries(CITIES).map(([city, point]) => [city, nearestTo(point, REGIONS)]);
  expect(Object.fromEntries(regions)).toEqual({
    paris: "weur",
    warsaw: "eeur",
    boston: "enam",
    seattle: "wnam",
    tokyo: "apac-ne",
    singapore: "apac-se",
    auckland: "oc",
    lima: "sam",
    nairobi: "afr",
    doha: "me",
  });
});

const origin = (given: { region?: Region; told?: Region; trips?: RoundTrips } = {}): OriginPlace => ({
  region: given.region ?? null,
  said: { region: given.told ?? null, roundTrips: given.trips ?? {} },
});

describe("a new Session is asked to be", () => {
  const everything = origin({ region: "weur", told: "eeur", trips: { enam: 1, afr: 90 } });

  test("where ORIGIN_REGION says, whatever else is known", () => {
    expect(placementOf("afr", [everything], CITIES.tokyo)).toEqual({
      region: "afr",
      why: "configured",
      round_trip_ms: 90,
    });
    expect(() => placementOf("eu", [], null)).toThrow('ORIGIN_REGION is "eu", which is no region; write one of wnam,');
  });

  test("else where ORIGIN_URLS says", () => {
    expect(placementOf("", [everything], null)).toEqual({ region: "weur", why: "configured" });
  });

  test("else where the origin says that it stands", () => {
    const told = origin({ told: "eeur", trips: { enam: 1 } });
    expect(placementOf(undefined, [told], null)).toEqual({ region: "eeur", why: "origin" });
  });

  test("of several origins beside the one nearest to the client, or the first", () => {
    const both = [origin({ region: "enam" }), origin({ told: "apac-ne" })];
    expect(placementOf(undefined, both, CITIES.singapore)).toEqual({ region: "apac-ne", why: "origin" });
    expect(placementOf(undefined, both, CITIES.lima)).toEqual({ region: "enam", why: "configured" });
    expect(placementOf(undefined, both, null)).toEqual({ region: "enam", why: "configured" });
  });

  test("else where Sessions measure the shortest way, but not for a few ms away from the client", () => {
    const measured = origin({ trips: { weur: 12, enam: 88, apac: 240, eeur: 20 } });
    const best = { region: "weur", why: "measured", round_trip_ms: 12 };
    expect(placementOf(undefined, [measured], CITIES.boston)).toEqual(best);
    expect(placementOf(undefined, [measured], CITIES.tokyo)).toEqual(best);
    expect(placementOf(undefined, [measured], null)).toEqual(best);
    const near = { region: "eeur", why: "measured", round_trip_ms: 20 };
    expect(placementOf(undefined, [measured], CITIES.warsaw)).toEqual(near);
    const other = origin({ trips: { enam: 4 } });
    expect(placementOf(undefined, [measured, other], CITIES.warsaw)).toMatchObject({ region: "enam" });
  });

  test("else wherever Cloudflare chooses", () => {
    for (const origins of [[], [{ region: null, said: NOTHING_SAID }]]) {
      expect(placementOf(undefined, origins, CITIES.paris)).toEqual({ region: null, why: "none" });
    }
  });
});

describe("a Session is left for a new object", () => {
  const wanted = (region: Region | null, round_trip_ms?: number) =>
    ({ region, why: "measured", ...(round_trip_ms !== undefined && { round_trip_ms }) }) as const;

  test("where another region is nearer to the origin by more than 30 ms", () => {
    expect(isMisplaced("apac", 180, wanted("weur", 5))).toBe(true);
    expect(isMisplaced("apac", 36, wanted("weur", 5))).toBe(true);
    expect(isMisplaced("apac", 35, wanted("weur", 5))).toBe(false);
    expect(isMisplaced("apac", 180, wanted("weur", 160))).toBe(false);
  });

  test("where nobody has measured the other region, but it is the origin's own and this one is far away", () => {
    expect(isMisplaced("apac", 180, wanted("weur"))).toBe(true);
    expect(isMisplaced(null, 180, wanted("weur"))).toBe(true);
    expect(isMisplaced("apac", 38, wanted("weur"))).toBe(false);
  });

  test("and not where it was asked to be there, was never measured, or nobody knows better", () => {
    expect(isMisplaced("weur", 180, wanted("weur", 5))).toBe(false);
    expect(isMisplaced("apac", null, wanted("weur", 5))).toBe(false);
    expect(isMisplaced("apac", 180, wanted(null))).toBe(false);
  });
});
