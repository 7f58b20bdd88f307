/** `npm run bench NAME -- OPTIONS`: what is timed or counted for RESULTS.md. Each ends with one line of JSON. */
import { node, type Program, runNamed } from "../support/programs.ts";

export const BENCHES: readonly Program[] = [
  {
    name: "engine",
    about: "Prefill, decode and verification in Node and workerd beside llama.cpp and wllama; cold starts.",
    needs: "npm once, Python with venv, a Chromium (CHROMIUM); 5 minutes with --quick, 20 without",
    builds: "wasm",
    command: node("test/bench/engine.ts"),
  },
  {
    name: "layers",
    about: "One layer in each weight format.",
    needs: "half a minute",
    builds: "wasm",
    command: node("test/bench/layers-alone.ts"),
  },
  {
    name: "acceptance",
    about: "Tokens per target pass through the running service.",
    needs: "the real model",
    builds: "wasm",
    command: node("test/bench/acceptance.ts"),
  },
  {
    name: "recipes",
    about: "Decode in workerd of every pack in a folder.",
    needs: "packs in DIR/NAME/, the real model",
    builds: "wasm",
    command: node("test/bench/recipes.ts"),
  },
  {
    name: "default",
    about: "npm start as it is, its default and drafts off in turns: tokens a second, first token, gaps.",
    needs: "the real model; 2 minutes with --quick",
    builds: "wasm",
    command: node("test/bench/default.ts"),
  },
  {
    name: "wan",
    about: "The edge over 0 to 200 ms to llama.cpp, or with --emulate to emulated GPUs.",
    needs: "the real model, npm once; 10 minutes with --quick, twice that without",
    builds: "wasm",
    command: node("test/bench/wan.ts"),
  },
  {
    name: "capacity",
    about: "1 to 256 clients at one emulated GPU.",
    needs: "the real model; 3 minutes with --quick",
    builds: "wasm",
    command: node("test/bench/capacity.ts"),
  },
  {
    name: "servers",
    about: "The service before real SGLang and vLLM servers beside their own chat completions.",
    needs: "what the suite engines needs; 15 minutes",
    builds: "wasm",
    command: node("test/bench/servers.ts"),
  },
  {
    name: "load",
    about: "Thousands of conversations through workerd to an engine that costs nothing.",
    needs: "Linux; 3 minutes with --quick",
    builds: "wasm",
    command: node("test/bench/load.ts"),
  },
  {
    name: "beside",
    about: "A short question alone and beside six prompts of a megabyte.",
    needs: "2 minutes with --quick",
    builds: "wasm",
    command: node("test/bench/beside.ts"),
  },
  {
    name: "page",
    about: "How long the page takes to draw the texts that cost most.",
    needs: "a Chromium (CHROMIUM)",
    builds: "nothing",
    command: node("test/bench/page.ts"),
  },
  {
    name: "bild",
    about: "What BiLD's rule saves and loses by its two thresholds.",
    needs: "the real model; 2 minutes with --quick, 25 without",
    builds: "wasm",
    command: node("test/bench/bild.ts"),
  },
  {
    name: "squeeze",
    about: "Calibration beside plain PyTorch.",
    needs: "the real model, a Python with torch and transformers (OUTRIDER_PYTHON); half an hour",
    builds: "wasm",
    command: node("test/bench/squeeze.ts"),
  },
];

if (import.meta.main) await runNamed("bench", BENCHES);
