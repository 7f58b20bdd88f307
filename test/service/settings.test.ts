/** The generated settings of the Workers, read by wrangler itself. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { writeSettings } from "../../src/tools/service/settings.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-settings-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const parts = { edgeAssets: join(PACKAGE, ".outrider/assets") };

test("the repository's wrangler.toml deploys the same edge as the generated settings run", () => {
  const [file] = writeSettings({ ...parts, origin: null }, home);
  const { configPath, userConfigPath, topLevelName, ratelimits, ...generated } = readConfig({ config: file });
  const repository = readConfig({ config: join(PACKAGE, "wrangler.toml") });
  const directory = resolve(PACKAGE, repository.assets?.directory ?? "");
  // A machine of one's own has no strangers.
  expect(ratelimits ?? []).toEqual([]);
  expect(repository.ratelimits).toHaveLength(1);
  expect({ ...repository, assets: { ...repository.assets, directory } }).toMatchObject(generated);
});

test("an embedded origin is bound to the edge, one elsewhere is not", () => {
  const [edge, origin] = writeSettings({ ...parts, origin: { pack: "models/tiny/pack" } }, home);
  const { name, assets } = readConfig({ config: origin });
  expect(readConfig({ config: edge }).services).toMatchObject([{ binding: "ORIGIN", service: name }]);
  expect(assets?.directory).toBe(join(PACKAGE, "models/tiny/pack"));
  const files = writeSettings({ ...parts, origin: { url: "http://localhost:8788" } }, home);
  expect(files).toHaveLength(1);
  expect(readConfig({ config: files[0] }).services ?? []).toEqual([]);
});
