/**
 * The tarball as a stranger meets it: packed, installed, typed, imported, bundled and started. Needs the npm registry,
 * and nothing of this repository but the tarball and a compiler.
 */
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { draftsHere, packDraft } from "../../models/package.ts";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { knownPairs } from "../../src/tools/obtain/pair.ts";
import { newNode } from "../../src/tools/service/node.ts";
import { Stranger, streamed, type Tarball } from "./stranger.ts";

/** The drafts of the known pairs are 52 of the 54 MB. */
const MOST_BYTES = 60e6;
const VERSION: string = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")).version;
const TINY = "node_modules/outrider/models/tiny";

const stranger = new Stranger();
let tarball: Tarball;

beforeAll(async () => {
  tarball = await stranger.pack();
  await stranger.install(tarball, "@types/node", "@cloudflare/workers-types");
});
afterAll(() => stranger.leave());

test("holds what runs, and the drafts that the known pairs start with", () => {
  const files = tarball.files.map(({ path }) => path);
  const tops = new Set(files.map((file) => file.split("/")[0]));
  expect([...tops].sort()).toEqual(["LICENSE", "README.md", "dist", "models", "outrider.js", "package.json"]);
  expect(files.filter((file) => /(?<!\.d)\.ts$|\.map$|\.wat$|\/\./.test(file))).toEqual([]);
  // What `outrider draft` runs: programs of Python, what they need, and questions.
  const programs = readdirSync(join(PACKAGE, "models/distil/outrider_distil")).filter((name) => name.endsWith(".py"));
  expect(programs.length).toBeGreaterThan(5);
  for (const program of programs) expect(files).toContain(`models/distil/outrider_distil/${program}`);
  expect(files).toContain("models/distil/requirements.txt");
  for (const made of ["chat.js", "openapi.json"]) expect(files).toContain(`dist/page/${made}`);
  const drafts = knownPairs(join(PACKAGE, "models")).map(({ draft }) => draft);
  expect(drafts.length).toBeGreaterThan(0);
  for (const draft of drafts) if (draft) expect(files).toContain(`${draft.slice(PACKAGE.length)}/pack.json`);
  expect(tarball.size).toBeLessThan(MOST_BYTES);
});

test("each draft is a package of its own, which a pair.json can name", async () => {
  const drafts = draftsHere();
  expect([...drafts.keys()]).toContain("smollm2-135m-draft-m");
  for (const [name, pack] of drafts) {
    const { tarball, npm } = await packDraft(name, pack, join(pack, "../README.md"), stranger.app);
    expect(npm).toBe(`outrider-${name}@${VERSION}`);
    const names = await stranger.run("tar", ["-tzf", tarball]);
    for (const file of readdirSync(pack)) expect(names).toContain(`package/pack/${file}\n`);
    expect(names).toContain("package/README.md\n");
  }
});

test("`npx outrider` knows its version and its commands", async () => {
  expect((await stranger.run("npx", ["outrider", "--version"])).trim()).toBe(VERSION);
  expect(await stranger.run("npx", ["outrider", "--help"])).toContain("outrider start");
});

test("the three doors have whole types", async () => {
  cpSync(join(import.meta.dirname, "consumer"), join(stranger.app, "consumer"), { recursive: true });
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const check = (name: string, compilerOptions: object) => {
    const file = join(stranger.app, `tsconfig.${name}.json`);
    const options = { strict: true, noEmit: true, target: "es2023", skipLibCheck: false, ...compilerOptions };
    writeFileSync(file, JSON.stringify({ compilerOptions: options, files: [`consumer/${name}.ts`] }));
    return stranger.run(process.execPath, [tsc, "-p", file]);
  };
  await check("node", { module: "nodenext", lib: ["es2023", "esnext.disposable", "dom"], types: ["node"] });
  const workers = { lib: ["es2023"], types: ["@cloudflare/workers-types"] };
  await check("edge", { module: "esnext", moduleResolution: "bundler", ...workers });
});

test("the doors for Node open on the Node that npm runs on", async () => {
  const program = `
    import { createGateway, loadEngine, serveOrigin } from "outrider/origin";
    import { RECIPES } from "outrider/tools";
    const engine = await loadEngine("wasm", { model: "${TINY}/pack" });
    const server = await serveOrigin(createGateway(engine), 0, "127.0.0.1");
    const health = await (await fetch(\`http://127.0.0.1:\${server.port}/health\`)).json();
    await server.close();
    console.log(JSON.stringify({ model: health.model, recipes: Object.keys(RECIPES).length }));`;
  const node = process.env.npm_node_execpath ?? process.execPath;
  const answer = JSON.parse(await stranger.run(node, ["--input-type=module", "-e", program]));
  expect(answer.model).toBe("tiny");
  expect(answer.recipes).toBeGreaterThan(10);
});

test("`outrider draft` has its questions about code", async () => {
  const program = `
    const { askedQuestions } = await import(\`\${process.cwd()}/node_modules/outrider/dist/tools/questions/subjects.js\`);
    console.log([...askedQuestions("code", 50, 0, [])].length);`;
  const node = process.env.npm_node_execpath ?? process.execPath;
  expect(await stranger.run(node, ["--input-type=module", "-e", program])).toBe("50\n");
});

test("wrangler bundles `outrider/edge` from node_modules", async () => {
  writeFileSync(join(stranger.app, "worker.js"), 'export { default, Session } from "outrider/edge";\n');
  const settings = { name: "app", main: "worker.js", compatibility_date: "2026-10-01" };
  writeFileSync(join(stranger.app, "wrangler.json"), JSON.stringify(settings));
  // wrangler needs a newer Node than the package does.
  const wrangler = join(stranger.app, "node_modules/wrangler/bin/wrangler.js");
  const said = await stranger.run(await newNode(), [wrangler, "deploy", "--dry-run", "--outdir", "bundle"]);
  expect(said).toContain("--dry-run: exiting now");
  expect(said).toMatch(/gzip: \d+/);
});

test("`npx outrider init` makes an edge that installs this very tarball, builds, and passes a dry run", async () => {
  await stranger.run("npx", ["outrider", "init", "edge"]);
  const edge = join(stranger.app, "edge");
  const { dependencies } = JSON.parse(readFileSync(join(edge, "package.json"), "utf8"));
  expect(dependencies.outrider).toBe(`file:../../${tarball.filename}`);
  await stranger.run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], edge);
  const built = await stranger.run("npx", ["outrider", "build"], edge);
  expect(built).toMatch(/^assets: an edge of \S+ with the draft \S+\n$/);
  const checked = await stranger.run("npx", ["outrider", "deploy", "--dry-run"], edge);
  expect(checked).toMatch(/^✓ assets: .*\n✓ Worker: .*\n✓ keys: .*\n✗ origin: none is named\n/);
  expect(checked).toContain("dry run: nothing was uploaded");
});

test("`npx outrider start` streams what the target says", async () => {
  const service = await stranger.start(["--target", `${TINY}/pack`, "--draft", `${TINY}/draft-pack`], 90_000);
  try {
    const pieces = await Array.fromAsync(streamed(service.url, "tiny", "Who rides ahead?", 16));
    expect(pieces.join("").length).toBeGreaterThan(0);
  } finally {
    await service.stop();
  }
});
