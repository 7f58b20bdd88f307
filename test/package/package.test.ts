/**
 * The tarball, as a stranger meets it: packed, installed into an empty folder, typed, imported, bundled and started. Needs
 * the npm registry, and nothing of this repository but the tarball and a compiler.
 */
import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PACKAGE } from "../../src/platform/places.ts";
import { answers, endGroup } from "../support/process.ts";

const MOST_BYTES = 30e6;

const home = mkdtempSync(join(tmpdir(), "outrider-package-"));
const app = join(home, "app");
const env: NodeJS.ProcessEnv = { ...process.env, OUTRIDER_CACHE: join(home, "cache"), NO_COLOR: "1" };
/** Without the folders of this repository's binaries, which npm and vitest put first. */
env.PATH = (process.env.PATH ?? "")
  .split(":")
  .filter((folder) => !folder.includes("node_modules"))
  .join(":");
let packed: { filename: string; size: number; files: { path: string }[] };

const run = async (command: string, args: readonly string[], cwd = app): Promise<string> =>
  (await promisify(execFile)(command, args, { cwd, env, maxBuffer: 1 << 24 })).stdout;

beforeAll(async () => {
  const said = await run("npm", ["pack", "--json", "--pack-destination", home], PACKAGE);
  packed = JSON.parse(said.slice(said.indexOf("[\n")))[0];
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", type: "module", private: true }));
  const types = ["@types/node", "@cloudflare/workers-types"];
  const options = ["--prefer-offline", "--no-audit", "--no-fund"];
  await run("npm", ["install", ...options, join(home, packed.filename), ...types]);
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

test("holds what runs, and the drafts that the known pairs start with", () => {
  const files = packed.files.map(({ path }) => path);
  const tops = new Set(files.map((file) => file.split("/")[0]));
  expect([...tops].sort()).toEqual(["LICENSE", "README.md", "dist", "models", "outrider.js", "package.json"]);
  expect(files.filter((file) => /(?<!\.d)\.ts$|\.map$|\.wat$|\/\./.test(file))).toEqual([]);
  expect(files).toContain("models/smollm2-135m-draft-m/pack/pack.json");
  expect(packed.size).toBeLessThan(MOST_BYTES);
});

test("`npx outrider` knows its version and its commands", async () => {
  const { version } = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8"));
  expect((await run("npx", ["outrider", "--version"])).trim()).toBe(version);
  expect(await run("npx", ["outrider", "--help"])).toContain("outrider start");
});

test("the three doors have whole types", async () => {
  cpSync(join(import.meta.dirname, "consumer"), join(app, "consumer"), { recursive: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const check = (name: string, compilerOptions: object) => {
    const file = join(app, `tsconfig.${name}.json`);
    const options = { strict: true, noEmit: true, target: "es2023", skipLibCheck: false, ...compilerOptions };
    writeFileSync(file, JSON.stringify({ compilerOptions: options, files: [`consumer/${name}.ts`] }));
    return run(process.execPath, [tsc, "-p", file]);
  };
  await check("node", { module: "nodenext", lib: ["es2023", "esnext.disposable", "dom"], types: ["node"] });
  const workers = { lib: ["es2023"], types: ["@cloudflare/workers-types"] };
  await check("edge", { module: "esnext", moduleResolution: "bundler", ...workers });
});

test("the doors to Node run on the Node that npm runs on", async () => {
  const program = `
    import { createGateway, loadEngine, serveOrigin } from "outrider/origin";
    import { RECIPES } from "outrider/tools";
    const engine = await loadEngine("wasm", { model: "node_modules/outrider/models/tiny/pack" });
    const server = await serveOrigin(createGateway(engine), 0, "127.0.0.1");
    const health = await (await fetch(\`http://127.0.0.1:\${server.port}/health\`)).json();
    await server.close();
    console.log(JSON.stringify({ model: health.model, recipes: Object.keys(RECIPES).length }));`;
  const node = process.env.npm_node_execpath ?? process.execPath;
  const answer = JSON.parse(await run(node, ["--input-type=module", "-e", program]));
  expect(answer.model).toBe("tiny");
  expect(answer.recipes).toBeGreaterThan(10);
});

test("`outrider/edge` is bundled by wrangler from node_modules", async () => {
  writeFileSync(join(app, "worker.js"), 'export { default, Session } from "outrider/edge";\n');
  writeFileSync(
    join(app, "wrangler.json"),
    JSON.stringify({ name: "app", main: "worker.js", compatibility_date: "2026-10-01" }),
  );
  const said = await run("npx", ["wrangler", "deploy", "--dry-run", "--outdir", "bundle"]);
  expect(said).toContain("--dry-run: exiting now");
  expect(said).toMatch(/gzip: \d+/);
});

test("`npx outrider start` streams a sentence of the target's", async () => {
  const models = "node_modules/outrider/models/tiny";
  const args = ["outrider", "start", "--target", `${models}/pack`, "--draft", `${models}/draft-pack`, "--port", "8943"];
  const child = spawn("npx", args, { cwd: app, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  try {
    expect(await answers("http://localhost:8943/health", child, 90_000), said).toBe(true);
    const response = await fetch("http://localhost:8943/v1/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        model: "tiny",
        stream: true,
        max_tokens: 16,
        messages: [{ role: "user", content: "Who?" }],
      }),
    });
    const text = await response.text();
    expect(response.status, text).toBe(200);
    expect(text.match(/"delta":\{"content"/g)?.length).toBeGreaterThan(0);
    expect(text.trimEnd().endsWith("data: [DONE]")).toBe(true);
  } finally {
    await endGroup(child);
  }
});
