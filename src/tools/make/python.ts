/**
 * The Python that writes and teaches: the one that OUTRIDER_PYTHON names, or an environment in the user's cache with
 * the pinned requirements of models/distil.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { OutriderError } from "../../core/model/errors.ts";
import { cacheFolder, PACKAGE } from "../../core/platform/places.ts";
import { runChild } from "./child.ts";
import { checkSpace } from "./space.ts";

const PROGRAMS = path.join(PACKAGE, "models/distil");
const REQUIREMENTS = path.join(PROGRAMS, "requirements.txt");
/** The least version that the requirements run on. */
const LEAST = "3.11";
const INTERPRETERS = ["python3", "python3.13", "python3.12", "python3.11", "python", "py"];
/** What PyTorch with its libraries for CUDA unpacks to, and pip's copies on the way. */
const ENVIRONMENT_BYTES = 9e9;
/** Written last: an environment without it is incomplete. */
const READY = "ready";

export interface Python {
  /**
   * Runs a program of models/distil and resolves when it has ended well. `said` is called for each line of its
   * standard output; everything that it writes is added to `log`. Rejects with `stopped` after `signal`, and with
   * `python_failed` and the program's last words.
   */
  run(program: string, args: readonly string[], options: ProgramOptions): Promise<void>;
}

export interface ProgramOptions {
  readonly log: string;
  readonly signal: AbortSignal;
  said(line: string): void;
}

/**
 * Finds or makes the environment; `say` is told what takes long. Throws `no_python` and `no_space`, and what pip
 * fails with.
 */
export async function openPython(signal: AbortSignal, say: (line: string) => void): Promise<Python> {
  const own = process.env.OUTRIDER_PYTHON;
  const interpreter = own === undefined || own === "" ? await environment(signal, say) : await checked(own);
  return {
    run: (program, args, { log, said, signal: stop }) =>
      runChild(interpreter, ["-m", `outrider_distil.${program}`, ...args], {
        env: { ...process.env, PYTHONPATH: PROGRAMS, PYTHONUNBUFFERED: "1", TRANSFORMERS_VERBOSITY: "error" },
        name: `${program}.py`,
        log,
        signal: stop,
        said,
      }),
  };
}

async function checked(interpreter: string): Promise<string> {
  const why = await lacking(interpreter);
  if (why === undefined) return interpreter;
  throw new OutriderError(
    "no_python",
    `OUTRIDER_PYTHON=${interpreter}: ${why}; unset it, and an environment is made in the cache`,
  );
}

/** Looks modules up without importing them, which would take seconds of each run. */
const LACKS = `import importlib.util, sys
for name in ("numpy", "torch", "transformers"):
    if importlib.util.find_spec(name) is None: sys.exit(f"No module named '{name}'")`;

/** What an interpreter lacks, in words. */
async function lacking(interpreter: string): Promise<string | undefined> {
  try {
    await promisify(execFile)(interpreter, ["-c", LACKS]);
    return undefined;
  } catch (error) {
    const { code, stderr = "" } = error as { code?: string | number; stderr?: string };
    if (code === "ENOENT" || code === "EACCES") return "there is no such program";
    return /No module named '[\w.]+'/.exec(stderr)?.[0] ?? stderr.trim().split("\n").at(-1) ?? "it does not run";
  }
}

async function environment(signal: AbortSignal, say: (line: string) => void): Promise<string> {
  const requirements = await readFile(REQUIREMENTS, "utf8");
  const name = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  const folder = path.join(cacheFolder(), "python", name);
  const interpreter = path.join(folder, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
  if (existsSync(path.join(folder, READY))) return interpreter;
  const base = await newEnough();
  await mkdir(path.dirname(folder), { recursive: true });
  await checkSpace(path.dirname(folder), ENVIRONMENT_BYTES, "Python with PyTorch", "OUTRIDER_CACHE");
  say(`python: installing PyTorch and others into ${folder}; once, a few minutes and gigabytes`);
  await rm(folder, { recursive: true, force: true });
  const log = `${folder}.log`;
  const child = { env: process.env, log, signal, said: () => {} };
  await runChild(base, ["-m", "venv", folder], { ...child, name: "python -m venv" });
  const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "-r", REQUIREMENTS];
  await runChild(interpreter, pip, { ...child, name: "pip" });
  await writeFile(path.join(folder, READY), "");
  return interpreter;
}

/** The first interpreter of this machine that is new enough and can make environments. */
async function newEnough(): Promise<string> {
  const [major, minor] = LEAST.split(".");
  const asks = `import sys, venv, ensurepip; sys.exit(sys.version_info < (${major}, ${minor}))`;
  for (const interpreter of INTERPRETERS) {
    const works = await promisify(execFile)(interpreter, ["-c", asks]).then(
      () => true,
      () => false,
    );
    if (works) return interpreter;
  }
  throw new OutriderError(
    "no_python",
    `Python ${LEAST} or newer with venv is needed to teach a draft, and there is none on PATH; install it, ` +
      "or name one that has torch and transformers with OUTRIDER_PYTHON",
  );
}
