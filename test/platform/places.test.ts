/** Where the package, the user's models and the service's files lie. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { cacheFolder, PACKAGE, runningFile, runningModule } from "../../src/core/platform/places.ts";

test("the package is the folder of package.json", () => {
  expect(existsSync(join(PACKAGE, "package.json"))).toBe(true);
});

test("what runs is found by name, with the extension of the tree that runs", () => {
  expect(existsSync(runningFile("tools/scaffold/wrangler.jsonc"))).toBe(true);
  expect(existsSync(runningModule("edge/door/worker"))).toBe(true);
});

test("models lie where the user says, or where the system keeps caches", () => {
  expect(cacheFolder({ OUTRIDER_CACHE: "some/where", XDG_CACHE_HOME: "/xdg" }, "linux")).toBe(resolve("some/where"));
  expect(cacheFolder({ XDG_CACHE_HOME: "/xdg" }, "linux")).toBe(join("/xdg", "outrider"));
  expect(cacheFolder({}, "linux")).toBe(join(homedir(), ".cache", "outrider"));
  expect(cacheFolder({}, "darwin")).toBe(join(homedir(), "Library", "Caches", "outrider"));
  expect(cacheFolder({ LOCALAPPDATA: "/local" }, "win32")).toBe(join("/local", "outrider"));
});
