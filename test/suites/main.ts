/** `npm run suite NAME -- OPTIONS`: the suites that `npm test` does not run. ../README.md says what each needs. */
import { node, type Program, project, python, runNamed } from "../support/programs.ts";

const CODER = "the file of the pair qwen2.5-coder-1.5b (OUTRIDER_GGUF, or 1.1 GB once), npm once";
const TORCH = "a Python with torch and transformers (OUTRIDER_PYTHON)";

export const SUITES: readonly Program[] = [
  {
    name: "real",
    about: "The default pair on its real model.",
    needs: "97 MB once, npm once",
    builds: "nothing",
    command: project("real"),
  },
  {
    name: "package",
    about: "The tarball in an empty folder: doors, edge, service.",
    needs: "npm",
    builds: "nothing",
    command: project("package"),
  },
  {
    name: "docs",
    about: "What the documents show of the package, run.",
    needs: "npm, the real model",
    builds: "nothing",
    command: project("docs"),
  },
  {
    name: "page",
    about: "The page in a real browser.",
    needs: "a Chromium (CHROMIUM)",
    builds: "nothing",
    command: project("page"),
  },
  {
    name: "sdk",
    about: "Pinned SDKs against the service, one table of cases.",
    needs: "npm, Python with pip, 600 MB",
    builds: "wasm",
    command: node("test/sdk/main.ts"),
  },
  {
    name: "chaos",
    about: "A seeded schedule of faults over real workerd and real gateways.",
    needs: "ps",
    builds: "wasm",
    command: node("test/chaos/main.ts"),
  },
  {
    name: "fuzz",
    about: "Damaged input for every parser.",
    needs: "no download",
    builds: "wasm",
    command: node("test/fuzz/run.ts"),
  },
  {
    name: "heap",
    about: "What hostile forms take of the real heap beside what is counted.",
    needs: "no download",
    builds: "wasm",
    command: node("--expose-gc", "test/grammar/heap.ts"),
  },
  {
    name: "schemas",
    about: "Public suites of JSON Schema against the grammar and the validator.",
    needs: "git, 150 MB once",
    builds: "nothing",
    command: node("test/suites/schemas.ts"),
  },
  {
    name: "forms",
    about: "Schemas of MaskBench through the service.",
    needs: "git, 150 MB once, the real model",
    builds: "wasm",
    command: node("test/forms/main.ts"),
  },
  {
    name: "reference",
    about: "The engine against llama.cpp and transformers.",
    needs: `npm once, ${TORCH}`,
    builds: "wasm",
    command: project("reference"),
  },
  {
    name: "engines",
    about: "Every engine on the real thing.",
    needs: "Linux, Python with venv, gcc, PyPI, 15 GB",
    builds: "wasm",
    command: project("engines"),
  },
  {
    name: "pair",
    about: "The coder's pair on its real file: the same text, and memory.",
    needs: CODER,
    builds: "nothing",
    command: project("pair"),
  },
  {
    name: "tools",
    about: "Thirty tool tasks on the coder's pair through three SDKs.",
    needs: CODER,
    builds: "nothing",
    command: project("tools"),
  },
  {
    name: "qwen",
    about: "A target of another architecture on its real file.",
    needs: "a GGUF file of Qwen2.5 (OUTRIDER_QWEN_GGUF), npm once",
    builds: "wasm",
    command: project("qwen"),
  },
  {
    name: "draft",
    about: "The tiny pair through all of outrider draft.",
    needs: "Python 3.11 and PyPI, or a Python with torch (OUTRIDER_PYTHON)",
    builds: "dist",
    command: project("taught-draft"),
  },
  {
    name: "distil",
    about: "The Python programs that teach a draft.",
    needs: TORCH,
    builds: "nothing",
    command: python("-m", "unittest", "discover", "-s", "models/distil/tests", "-t", "models/distil"),
  },
  {
    name: "golden",
    about: "Writes golden/forward.json anew.",
    needs: TORCH,
    builds: "nothing",
    command: python("test/golden/make_forward.py"),
  },
];

if (import.meta.main) await runNamed("suite", SUITES);
