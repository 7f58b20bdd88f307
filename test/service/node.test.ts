/** Which Node runs wrangler. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { BUNDLED, nodeForWrangler } from "../../src/tools/service/node.ts";

afterEach(() => void vi.restoreAllMocks());

test("this process's own, if it is new enough", () => {
  expect(nodeForWrangler()).toBe(process.execPath);
});

test("on Node 20 the one that came along", () => {
  vi.spyOn(process, "versions", "get").mockReturnValue({ ...process.versions, node: "20.19.0" });
  expect(execFileSync(nodeForWrangler(), ["--version"], { encoding: "utf8" })).toMatch(/^v24\./);
});

test("where none comes along, the sentence says what to do", () => {
  vi.spyOn(process, "versions", "get").mockReturnValue({ ...process.versions, node: "20.19.0" });
  vi.spyOn(process, "arch", "get").mockReturnValue("riscv64");
  expect(nodeForWrangler).toThrow(/wrangler needs Node 22 or newer and this is 20\.19\.0; install a newer Node/);
});

test("one major for every platform", () => {
  const { optionalDependencies } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  expect(Object.keys(optionalDependencies).sort()).toEqual(Object.values(BUNDLED).sort());
  expect(new Set(Object.values<string>(optionalDependencies).map((version) => version.split(".")[0])).size).toBe(1);
});
