import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { formatKeys, parseKeys, recordOf } from "../../src/core/platform/keys.ts";

const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
const HASH = sha256("key");

test("API_KEYS is read as it is written", () => {
  const named = [
    { name: "anna", hash: sha256("a"), limits: { rpm: 60, tpm: 40_000, parallel: 4 } },
    { name: "b.2_c-d", hash: sha256("b"), limits: {} },
  ];
  const text = `anna:${sha256("a")}:rpm=60,tpm=40000,parallel=4 b.2_c-d:${sha256("b")}`;
  expect(formatKeys({ plain: [], named })).toBe(text);
  expect(parseKeys(text)).toEqual({ plain: [], named });
  expect(parseKeys(` ${text}\n`)).toEqual({ plain: [], named });
  expect(formatKeys({ plain: ["or-1", "two"], named })).toBe(`or-1 two ${text}`);
  for (const plain of ["or-1,two", "or-1, two,", "or-1 two"]) {
    expect(parseKeys(`${plain} ${text}`)).toEqual({ plain: ["or-1", "two"], named });
    expect(parseKeys(`${text} ${plain}`)).toEqual({ plain: ["or-1", "two"], named });
  }
  expect(parseKeys(formatKeys({ plain: [], named: [] }))).toEqual({ plain: [], named: [] });
});

test.each([
  [" ", /holds no key/],
  ["anna:key", /is not NAME:SHA-256/],
  [`Anna:${HASH}`, /"Anna" is no name/],
  [`anna:${HASH}:rpm=0`, /"rpm=0" of "anna" is no limit; there are rpm, rpd, tpm/],
  [`anna:${HASH}:constructor=1`, /"constructor=1" of "anna"/],
  [`anna:${HASH}:rpm=1:x`, /is not NAME/],
  [`anna:${HASH} anna:${sha256("b")}`, /twice/],
])("%j is refused in words that show no hash", (setting, message) => {
  expect(() => parseKeys(setting)).toThrow(message);
  try {
    parseKeys(setting);
  } catch (error) {
    expect((error as Error).message).not.toContain(HASH);
  }
});

test("a key is known by its hash alone", async () => {
  const { named: records } = parseKeys(`anna:${sha256("right")} ben:${sha256("other")}:rpm=1`);
  expect(await recordOf("right", records)).toBe(records[0]);
  expect(await recordOf("other", records)).toBe(records[1]);
  for (const wrong of ["", "righ", "rightt", "Right", sha256("right"), "anna"]) {
    expect(await recordOf(wrong, records)).toBeNull();
  }
});
