/** The file of settings, read by wrangler itself. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { unstable_getVarsForDev as varsForDev } from "wrangler";
import { writeVars } from "../../src/tools/service/vars-file.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-vars-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const file = join(home, "folder/vars.env");

/** What wrangler makes of files: name → value. */
function read(files: string[]): Record<string, unknown> {
  const read = varsForDev(join(home, "wrangler.json"), files, {}, undefined, true);
  return Object.fromEntries(Object.entries(read).map(([name, { value }]) => [name, value]));
}

/** What a header may hold, less one of the two quotes. */
const token = fc
  .string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), minLength: 1 })
  .map((text, mark = "'`"[text.length % 2]!) => text.replaceAll(mark, "").replace(/\\$/, "/"));

test("wrangler reads every value as it was", () => {
  fc.assert(
    fc.property(token, token, (ORIGIN_TOKEN, ORIGIN_URL) => {
      const vars = { ORIGIN_TOKEN, ORIGIN_URL };
      expect(read([writeVars(file, vars)])).toEqual(vars);
    }),
  );
});

test("the environment changes nothing, and what the user's own file says gives way", () => {
  process.env.ORIGIN_TOKEN = "of the environment";
  const own = join(home, ".dev.vars");
  writeFileSync(own, "ORIGIN_TOKEN=of the file\nPREFER=passes\n");
  try {
    const files = [own, writeVars(file, { ORIGIN_TOKEN: "$ORIGIN_TOKEN" })];
    expect(read(files)).toEqual({ ORIGIN_TOKEN: "$ORIGIN_TOKEN", PREFER: "passes" });
  } finally {
    delete process.env.ORIGIN_TOKEN;
  }
});

test.skipIf(process.platform === "win32")("nobody else may read it, whatever lay there before", () => {
  writeFileSync(file, "");
  expect(statSync(writeVars(file, { ORIGIN_TOKEN: "x" })).mode & 0o777).toBe(0o600);
});

test.each(["'`", "a\\"])("a value that fits no quotes is refused by name: %s", (ORIGIN_TOKEN) => {
  expect(() => writeVars(file, { ORIGIN_TOKEN })).toThrow("ORIGIN_TOKEN holds both ' and `, or ends with \\");
});
