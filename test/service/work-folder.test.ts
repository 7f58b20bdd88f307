/** Whose the folder of a service is. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { holdFolder, stateFolder } from "../../src/tools/service/work-folder.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-folder-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const folder = join(home, ".outrider/8787");
beforeEach(() => rmSync(dirname(folder), { recursive: true, force: true }));
const modeOf = (path: string) => statSync(path).mode & 0o777;

describe.skipIf(process.platform === "win32")("the folder of a service", () => {
  test("is this user's alone, whatever the umask says", async () => {
    const before = process.umask(0);
    try {
      await using _held = await holdFolder(folder, "http://localhost:8787");
      expect(modeOf(folder)).toBe(0o700);
    } finally {
      process.umask(before);
    }
  });

  test("is so where an earlier version has made it for everybody", async () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
    await using _held = await holdFolder(folder, "http://localhost:8787");
    expect(modeOf(folder)).toBe(0o700);
  });
});

test("traces of requests that wrangler kept are gone, and nothing else", async () => {
  const [traces, kept] = [
    join(stateFolder(folder), "observability/x"),
    join(stateFolder(folder), "do/outrider-Session"),
  ];
  for (const each of [traces, kept]) mkdirSync(each, { recursive: true });
  writeFileSync(join(traces, "trace.sqlite"), "https://localhost/v1/models?api_key=a-key");
  await using _held = await holdFolder(folder, "http://localhost:8787");
  expect(existsSync(dirname(traces))).toBe(false);
  expect(existsSync(kept)).toBe(true);
});

test("is given back", async () => {
  for (let time = 0; time < 2; time++) {
    await using _held = await holdFolder(folder, "http://localhost:8787");
    expect(existsSync(join(folder, "lock"))).toBe(true);
    writeFileSync(join(folder, "kept"), "");
  }
  expect(readdirSync(folder)).toEqual(["kept"]);
});

test("nothing is left of a start that was refused", async () => {
  const { [Symbol.asyncDispose]: release } = await holdFolder(folder, "http://localhost:8787");
  await release();
  expect(readdirSync(home)).toEqual([]);
});
