/** The GGUF files of the peers, made once by make_ggufs.py in a Python environment of their own, .cache/gguf. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { realGguf } from "../support/real.ts";

const CACHE = path.resolve(import.meta.dirname, "../../.cache");
const GGUF_VERSION = "0.19.0";
const NAMES = ["full-q4_0", "full-q8_0", "cut-q4_0", "cut-q4_1"] as const;

export type PeerFiles = Readonly<Record<(typeof NAMES)[number] | "full-q4_1", string>>;

/** Paths of the peers' files. The first call needs python3 with venv, and PyPI. */
export async function peerFiles(): Promise<PeerFiles> {
  const model = await realGguf();
  const folder = path.join(CACHE, "bench");
  const made = Object.fromEntries(NAMES.map((name) => [name, path.join(folder, `${name}.gguf`)]));
  if (!Object.values(made).every((file) => existsSync(file))) {
    mkdirSync(folder, { recursive: true });
    execFileSync(python(), [path.join(import.meta.dirname, "make_ggufs.py"), model, folder], { stdio: "inherit" });
  }
  return { ...made, "full-q4_1": model } as PeerFiles;
}

/** The environment's interpreter. */
function python(): string {
  const home = path.join(CACHE, "gguf");
  const bin = path.join(home, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (!existsSync(path.join(home, "made"))) {
    execFileSync("python3", ["-m", "venv", home], { stdio: "inherit" });
    execFileSync(bin, ["-m", "pip", "install", "--quiet", `gguf==${GGUF_VERSION}`], { stdio: "inherit" });
    mkdirSync(path.join(home, "made"));
  }
  return bin;
}
