/** What `outrider init` writes. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseEnv } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { initCommand } from "../../src/tools/commands/init.ts";
import { printed } from "../support/printed.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const home = mkdtempSync(path.join(tmpdir(), "outrider-init-"));
const edge = path.join(home, "My Edge");
const text = (file: string, folder = edge): string => readFileSync(path.join(folder, file), "utf8");
const init = (...argv: string[]): Promise<string> => printed(() => initCommand.run(argv));

beforeAll(async () => {
  await init(edge, "--origin", "https://origin.example.com", "--region", "weur");
});
afterAll(() => rmSync(home, { recursive: true }));

describe("a new edge", () => {
  test("is a Worker of one line over the package's door", () => {
    expect(text("src/worker.js")).toContain('export { default, Meter, Session } from "outrider/edge";\n');
  });

  test("has the settings of this repository's edge, but for its name, its files and its origin", () => {
    const own = (config: string) => {
      const { name, main, vars, assets, ...rest } = readConfig({ config });
      const { configPath, userConfigPath, topLevelName, rawConfig, ...settings } = rest as Record<string, unknown>;
      return { ...settings, assets: { ...assets, directory: "" } };
    };
    const config = path.join(edge, "wrangler.jsonc");
    expect(own(config)).toEqual(own(path.join(ROOT, "wrangler.toml")));
    const { name, vars } = readConfig({ config });
    expect({ name, vars }).toEqual({
      name: "my-edge",
      vars: { ORIGIN_URL: "https://origin.example.com", ORIGIN_REGION: "weur", CPU_MS: "25000" },
    });
  });

  test("installs the package that made it, which here is this folder, and the wrangler that the package uses", () => {
    const { dependencies, devDependencies, scripts } = JSON.parse(text("package.json"));
    expect(path.resolve(edge, dependencies.outrider.replace("file:", ""))).toBe(ROOT);
    const { wrangler } = JSON.parse(text("package.json", ROOT)).dependencies;
    expect(devDependencies).toEqual({ wrangler });
    expect(Object.keys(scripts)).toEqual(["build", "dev", "deploy"]);
  });

  test("is closed: its API key is its own, in a file that git ignores and others cannot read", async () => {
    const other = path.join(home, "other");
    await init(other);
    const [own, others] = [edge, other].map((folder) => parseEnv(text(".prod.vars", folder)));
    expect(own!.API_KEYS).toMatch(/^or-[0-9a-f]{48}$/);
    expect(own!.API_KEYS).not.toBe(others!.API_KEYS);
    expect(own!.SESSION_SECRET).not.toBe(others!.SESSION_SECRET);
    expect(text(".gitignore").split("\n")).toEqual(expect.arrayContaining([".prod.vars", ".dev.vars"]));
    expect(statSync(path.join(edge, ".prod.vars")).mode & 0o077).toBe(0);
  });

  test("tells Cloudflare's Deploy button what to ask for", () => {
    const names = Object.keys(parseEnv(text(".dev.vars.example")));
    const { bindings } = JSON.parse(text("package.json")).cloudflare;
    expect(bindings).toEqual(JSON.parse(text("package.json", ROOT)).cloudflare.bindings);
    expect(Object.keys(bindings)).toEqual(expect.arrayContaining(names));
    expect(text(".dev.vars.example", ROOT)).toBe(text(".dev.vars.example"));
  });

  test("has no placeholder left", () => {
    for (const file of ["src/worker.js", "wrangler.jsonc", "README.md", "package.json", ".dev.vars.example"]) {
      expect(text(file)).not.toMatch(/__[A-Z]+__/);
    }
  });
});

test("a folder that holds something is left as it is", async () => {
  const folder = path.join(home, "full");
  mkdirSync(folder);
  writeFileSync(path.join(folder, "mine"), "");
  await expect(init(folder)).rejects.toThrow("is not empty; name a folder that does not exist yet");
  expect(existsSync(path.join(folder, "package.json"))).toBe(false);
});

test.each([
  [
    ["x", "--origin", "origin.example.com"],
    '--origin is a URL such as https://origin.example.com, not "origin.example.com"',
  ],
  [[path.join(ROOT, "package.json")], "is a file, or lies in one; name a folder that does not exist yet"],
])("%j is refused", async (argv, message) => {
  await expect(init(...argv)).rejects.toThrow(message);
});
