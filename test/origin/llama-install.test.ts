/** node-llama-cpp installs itself, by an npm of our own: no network. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { findLlamaLibrary, llamaRemedy } from "../../src/origin/engines/llama-library.ts";
import { onPath } from "../support/path-commands.ts";

const PLATFORMS: Record<string, string> = { "linux-x64": "linux-x64", "darwin-arm64": "mac-arm64-metal" };
const PLATFORM = PLATFORMS[`${process.platform}-${process.arch}`];

describe.skipIf(PLATFORM === undefined)("the llama engine's library", () => {
  let cache: string;
  let said: ReturnType<typeof vi.spyOn>;
  const folder = () => path.join(cache, "llama");

  beforeEach(async () => {
    cache = await mkdtemp(path.join(tmpdir(), "outrider-llama-"));
    vi.stubEnv("OUTRIDER_CACHE", cache);
    said = vi.spyOn(console, "error").mockImplementation(() => {});
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    await rm(cache, { recursive: true });
  });

  const commands = (scripts: Record<string, string>) => onPath(path.join(cache, "bin"), scripts);

  /** An npm that notes what it is asked for, and installs a library that says `text`. */
  const npm = (text: string): string => {
    const home = "node_modules/node-llama-cpp";
    return `echo "$@" >> asked
/bin/mkdir -p ${home}/dist
echo '{}' > node_modules/.package-lock.json
echo '{ "type": "module" }' > ${home}/package.json
echo 'export const getLlama = () => "${text}";' > ${home}/dist/index.js`;
  };
  const asked = async () => (await readFile(path.join(folder(), "asked"), "utf8")).trim().split("\n");
  const named = (line: string) => line.split(" ").filter((word) => /@\d/.test(word));

  test("is installed once, with the binaries of this machine alone", async () => {
    await commands({ npm: npm("ours") });
    const library = await findLlamaLibrary();
    expect(library.getLlama({ gpu: false, build: "never", logLevel: "error" })).toBe("ours");
    expect(await findLlamaLibrary()).toBe(library);
    expect((await asked()).map(named)).toEqual([
      [expect.stringMatching(/^node-llama-cpp@[\d.]+$/), expect.stringContaining(`@node-llama-cpp/${PLATFORM}@`)],
    ]);
    expect(said.mock.calls).toEqual([[expect.stringContaining(`into ${folder()}, once (30 MB)`)]]);
  });

  test.runIf(process.platform === "linux")("with CUDA where the driver of an NVIDIA GPU answers", async () => {
    await commands({ npm: npm("cuda"), "nvidia-smi": "echo 'GPU 0: NVIDIA H100 (UUID: GPU-1)'" });
    await findLlamaLibrary();
    expect(named((await asked())[0]!).map((name) => name.replace(/@[\d.]+$/, ""))).toEqual([
      "node-llama-cpp",
      "@node-llama-cpp/linux-x64",
      "@node-llama-cpp/linux-x64-cuda",
      "@node-llama-cpp/linux-x64-cuda-ext",
    ]);
    expect(said.mock.calls).toEqual([[expect.stringContaining("350 MB, with CUDA")]]);
  });

  test("is of the version that the documents name: binaries of another one are passed over", async () => {
    await commands({ npm: npm("ours") });
    await findLlamaLibrary();
    const version = named((await asked())[0]!)[0]!.split("@")[1];
    const docs = await readFile(path.resolve(import.meta.dirname, "../../docs/use/origin.md"), "utf8");
    expect(docs).toContain(`@node-llama-cpp/linux-x64-vulkan@${version}\n`);
  });

  test("keeps what else was installed there", async () => {
    const manifest = path.join(folder(), "package.json");
    await mkdir(folder());
    await writeFile(manifest, '{ "dependencies": { "@node-llama-cpp/linux-x64-vulkan": "1.0.0" } }');
    await commands({ npm: npm("beside") });
    await findLlamaLibrary();
    expect(await readFile(manifest, "utf8")).toContain("vulkan");
  });

  test("says what npm says, and how to do it by hand; the next start tries again", async () => {
    const fails = "echo 'npm error code ENOTFOUND' >&2; echo 'npm error errno ENOTFOUND' >&2; ";
    await commands({ npm: `${fails}echo 'npm error network request failed' >&2; exit 1` });
    await expect(findLlamaLibrary()).rejects.toThrow(
      new RegExp(`failed: network request failed; start again, or run in ${folder()}: npm install .*node-llama-cpp@`),
    );
    await commands({ npm: npm("at last") });
    expect((await findLlamaLibrary()).getLlama).toBeTypeOf("function");
  });

  test("is installed again where npm was interrupted", async () => {
    await commands({ npm: npm("half") });
    await findLlamaLibrary();
    await rm(path.join(folder(), "node_modules/.package-lock.json"));
    await findLlamaLibrary();
    expect(await asked()).toHaveLength(2);
  });

  test("that does not run is to be removed from where it is", async () => {
    expect(llamaRemedy()).toContain("`npm uninstall node-llama-cpp` where Outrider is installed");
    await commands({ npm: npm("ours") });
    await findLlamaLibrary();
    expect(llamaRemedy()).toBe(`remove ${folder()}, and start again`);
  });

  test("without npm", async () => {
    await commands({});
    await expect(findLlamaLibrary()).rejects.toThrow("installing it failed: there is no npm on PATH;");
  });

  test("that does not load is named with its folder", async () => {
    await commands({ npm: `${npm("broken")}\necho 'export const {' > node_modules/node-llama-cpp/dist/index.js` });
    await expect(findLlamaLibrary()).rejects.toThrow(
      `node-llama-cpp does not load; remove ${folder()}, and start again`,
    );
  });
});
