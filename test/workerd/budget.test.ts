/**
 * What the edge Worker may weigh and how long it may take to start, with room below Cloudflare's limits: 3 MB
 * compressed on the Free plan, one second of CPU time for the global scope.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { writeSettings } from "../../src/tools/service/settings.ts";
import { wranglerFile } from "../../src/tools/service/wrangler.ts";

const MOST_KIB = 256;
const MOST_START_MS = 800;

const home = mkdtempSync(join(tmpdir(), "outrider-budget-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

test(`the edge is at most ${MOST_KIB} KiB compressed and starts in ${MOST_START_MS} ms`, async () => {
  const [config] = writeSettings({ edgeAssets: home, origin: null }, home) as [string];
  const profile = join(home, "startup.cpuprofile");
  const args = [wranglerFile(), "check", "startup", "--outfile", profile];
  const env = { ...process.env, NO_COLOR: "1", WRANGLER_SEND_METRICS: "false" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: dirname(config), env });
  const figure = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  expect(figure(/gzip: ([\d.]+) KiB/), stdout).toBeLessThan(MOST_KIB);
  expect(figure(/Active: ([\d.]+) ms/), stdout).toBeLessThan(MOST_START_MS);
});
