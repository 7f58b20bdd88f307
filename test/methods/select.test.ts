/** Selection against sorting. */
import { expect, test } from "vitest";
import { select } from "../../src/tools/compress/methods/select.ts";
import { normal, seeded } from "../support/random.ts";

const random = seeded(4);

test.each<[string, Float64Array]>([
  ["one", Float64Array.of(3)],
  ["drawn", Float64Array.from({ length: 301 }, () => normal(random))],
  ["few different", Float64Array.from({ length: 200 }, () => Math.floor(4 * random()))],
  ["equal", new Float64Array(50).fill(2)],
  ["rising", Float64Array.from({ length: 64 }, (_, n) => n)],
  ["falling", Float64Array.from({ length: 65 }, (_, n) => -n)],
])("every place of %s", (_, values) => {
  const sorted = values.slice().sort();
  for (let place = 0; place < values.length; place++) expect(select(values.slice(), place)).toBe(sorted[place]);
});
