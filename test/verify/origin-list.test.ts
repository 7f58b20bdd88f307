import { expect, test } from "vitest";
import { originList } from "../../src/core/verify/origin-list.ts";

const list = (text: string) => originList(text);

test("URLs with commas between, each with its region or without", () => {
  expect(list("https://a.example;region=weur, http://b.example:8788 ; region=apac-ne,https://c.example,")).toEqual([
    { url: "https://a.example", region: "weur" },
    { url: "http://b.example:8788", region: "apac-ne" },
    { url: "https://c.example", region: null },
  ]);
  expect(list(" ")).toEqual([]);
});

test.each([
  ["a.example", 'ORIGIN_URL has "a.example", which is no URL; write it as https://origin.example.com'],
  [
    "https://a.example;weur",
    'ORIGIN_URL has "weur" after https://a.example; all that may follow a URL is ;region=NAME',
  ],
  [
    "https://a.example;region=eu",
    'the region of https://a.example in ORIGIN_URL is "eu", which is no region; write one',
  ],
])("%j is refused with a sentence", (text, message) => {
  expect(() => list(text)).toThrow(message);
});
