/**
 * Installs node-llama-cpp at the first use of the llama engine, with the binaries of this machine alone. It is no
 * dependency of the project, because with the binaries of all platforms it takes 1.3 GB.
 */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { OutriderError } from "../../core/model/errors.ts";
import { lock } from "../../core/platform/lock.ts";
import { installPackages } from "../../core/platform/npm.ts";

const VERSION = "3.22.1";

/** The package of binaries by platform, and those that its NVIDIA GPU needs beside it. */
const BINARIES: Readonly<Record<string, { readonly own: string; readonly cuda?: readonly string[] }>> = {
  "linux-x64": { own: "linux-x64", cuda: ["linux-x64-cuda", "linux-x64-cuda-ext"] },
  "linux-arm64": { own: "linux-arm64" },
  "darwin-x64": { own: "mac-x64" },
  "darwin-arm64": { own: "mac-arm64-metal" },
  "win32-x64": { own: "win-x64", cuda: ["win-x64-cuda", "win-x64-cuda-ext"] },
  "win32-arm64": { own: "win-arm64" },
};

/**
 * Into `folder`, by npm; packages that are there already stay. Throws `library_missing` with npm's own reason and the
 * command, `busy` while another process installs it.
 */
export async function installLlama(folder: string): Promise<void> {
  const platform = `${process.platform}-${process.arch}`;
  const binaries = BINARIES[platform];
  if (!binaries) {
    throw new OutriderError(
      "library_missing",
      `the llama engine needs node-llama-cpp, which has no binaries for ${platform}; its own documentation explains ` +
        "how to build them",
    );
  }
  const cuda = binaries.cuda && (await hasNvidia()) ? binaries.cuda : [];
  const packages = ["node-llama-cpp", ...[binaries.own, ...cuda].map((name) => `@node-llama-cpp/${name}`)];
  await mkdir(dirname(folder), { recursive: true });
  const unlock = await lock(`${folder}.lock`, "is installing node-llama-cpp");
  try {
    const size = cuda.length > 0 ? "350 MB, with CUDA" : "30 MB";
    console.error(`installing node-llama-cpp ${VERSION} into ${folder}, once (${size})`);
    await installPackages(
      folder,
      packages.map((name) => `${name}@${VERSION}`),
    );
  } catch (cause) {
    const why = `the llama engine needs node-llama-cpp, and installing it failed: ${(cause as Error).message}`;
    throw new OutriderError("library_missing", why, { cause });
  } finally {
    await unlock();
  }
}

/** Whether the driver of an NVIDIA GPU answers. */
const hasNvidia = (): Promise<boolean> =>
  promisify(execFile)("nvidia-smi", ["-L"], { timeout: 10_000 }).then(
    ({ stdout }) => stdout.includes("GPU "),
    () => false,
  );
