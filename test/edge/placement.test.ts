import { describe, expect, test } from "vitest";
import { REGIONS } from "../../src/core/verify/region.ts";
import { nearestTo } from "../../src/edge/origins/geography.ts";
import { type OriginPlace, placementOf } from "../../src/edge/place/placement.ts";

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

const origin = (given: Partial<OriginPlace> = {}): OriginPlace => ({ configured: null, own: null, ...given });

describe("a new Session is asked to be", () => {
  const everything = origin({ configured: "weur", own: "eeur" });

  test("where ORIGIN_REGION says, whatever else is known", () => {
    expect(placementOf("afr", [everything], CITIES.tokyo)).toEqual({ region: "afr", why: "configured" });
    expect(() => placementOf("eu", [], null)).toThrow('ORIGIN_REGION is "eu", which is no region; write one of wnam,');
  });

  test("else where ORIGIN_URL says", () => {
    expect(placementOf("", [everything], null)).toEqual({ region: "weur", why: "configured" });
  });

  test("else where the origin says that it stands", () => {
    expect(placementOf(undefined, [origin({ own: "eeur" })], null)).toEqual({ region: "eeur", why: "origin" });
  });

  test("of several origins beside the one nearest to the client, or the first", () => {
    const both = [origin({ configured: "enam" }), origin({ own: "apac-ne" })];
    expect(placementOf(undefined, both, CITIES.singapore)).toEqual({ region: "apac-ne", why: "origin" });
    expect(placementOf(undefined, both, CITIES.lima)).toEqual({ region: "enam", why: "configured" });
    expect(placementOf(undefined, both, null)).toEqual({ region: "enam", why: "configured" });
  });

  test("else wherever Cloudflare chooses", () => {
    for (const origins of [[], [origin()]]) {
      expect(placementOf(undefined, origins, CITIES.paris)).toEqual({ region: null, why: "none" });
    }
  });
});
