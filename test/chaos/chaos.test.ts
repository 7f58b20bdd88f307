/** What a run of chaos stands on: the schedule of a seed, and the judgement of an answer. */
import { expect, test } from "vitest";
import { faultIn, type Seen } from "./client.ts";
import { CLIENT, ENGINE, GATEWAYS, LANES, SESSION, STORAGE, scheduleOf, UPGRADE, WIRE } from "./faults.ts";

test("a seed gives its schedule each time, with all kinds of faults", () => {
  const first = (seed: number) => scheduleOf(seed).take(100).toArray();
  const schedule = first(1);
  expect(first(1)).toEqual(schedule);
  expect(first(2)).not.toEqual(schedule);
  const faults = schedule.flatMap((round) => round.faults);
  const kinds = new Set(faults.map(({ on, what }) => `${on}: ${what}`));
  const all = Object.entries({
    wire: WIRE,
    upgrade: UPGRADE,
    engine: ENGINE,
    storage: STORAGE,
    client: CLIENT,
    session: SESSION,
  });
  const named = all.flatMap(([on, whats]) => whats.map((what) => `${on}: ${what}`));
  const others = ["gateway: kill", "gateway: drain", "clock: edge", "clock: gateway", "disk: full", "edge: kill"];
  expect(kinds).toEqual(new Set([...named, ...others]));
  for (const fault of faults) {
    if ("lane" in fault) expect(fault.lane).toBeLessThan(LANES);
    if ("gateway" in fault) expect(fault.gateway).toBeLessThan(GATEWAYS);
    // A gateway's clock is a steady one.
    if (fault.on === "clock" && fault.what === "gateway") expect(fault.minutes).toBeGreaterThanOrEqual(0);
  }
});

const RIGHT = { text: "the road north", tokens: [1, 2, 3] };
const WHOLE: Seen = { ...RIGHT, status: 200, errors: [], whole: true, afterError: false, interrupted: false };
const error = (message: string, code = "origin_timeout") => ({
  ...WHOLE,
  text: "the road",
  tokens: null,
  errors: [{ code, message }],
});

test.each<[string, Seen, boolean, RegExp | null]>([
  ["the undisturbed answer", WHOLE, false, null],
  ["its beginning and one clear error", error("the origins were silent"), false, null],
  ["a broken connection of a client that left", { ...WHOLE, text: "the", tokens: null, whole: false }, true, null],
  ["a broken connection", { ...WHOLE, text: "the", tokens: null, whole: false }, false, /broke/],
  ["another text", { ...WHOLE, text: "the road south" }, true, /another text/],
  ["another text before an error", { ...error("silent"), text: "a road" }, false, /another text/],
  ["a text cut short", { ...WHOLE, text: "the road" }, false, /cut short/],
  ["a token twice", { ...WHOLE, tokens: [1, 2, 2, 3] }, false, /tokens 1,2,2,3/],
  ["two errors", { ...WHOLE, text: "", errors: [...error("a").errors, ...error("b").errors] }, false, /2 errors/],
  ["something behind an error", { ...error("a"), afterError: true }, false, /behind/],
  ["an error that nobody foresaw", { ...error("internal", "internal_error"), status: 500 }, false, /foresaw/],
  ["a stack", error("no\n    at foo (/secret/path.ts:1:2)"), false, /stack/],
  ["a long error", error("x".repeat(501)), false, /500 characters/],
  ["no end", error("", "hangs"), true, /no end/],
])("%s", (_, seen, mayBreak, wrong) => {
  const fault = faultIn(seen, RIGHT, mayBreak);
  if (wrong === null) expect(fault).toBeNull();
  else expect(fault).toMatch(wrong);
});
