/** The SDKs, each with the adapter that drives it, and where they are installed. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Client, type Service } from "./client.ts";

const HERE = import.meta.dirname;
const CACHE = resolve(HERE, "../../.cache/sdk");

export interface Sdk {
  readonly name: string;
  readonly language: "js" | "python";
  /** The adapter's file, and what else it is told. */
  readonly adapter: readonly string[];
  /** With their versions. */
  readonly packages: readonly string[];
}

const npm = JSON.parse(readFileSync(join(HERE, "js/package.json"), "utf8")).dependencies as Record<string, string>;
const pip = readFileSync(join(HERE, "python/requirements.txt"), "utf8").trim().split("\n");

const js = (name: string, adapter: readonly string[], ...packages: readonly string[]): Sdk => ({
  ...{ name, adapter, language: "js" },
  packages: packages.map((own) => (npm[own]!.startsWith("npm:") ? npm[own]!.slice(4) : `${own}@${npm[own]}`)),
});
const python = (name: string, adapter: readonly string[], ...packages: readonly string[]): Sdk => ({
  ...{ name, adapter, language: "python" },
  packages: packages.map((own) => pip.find((line) => line.split(/[[=]/)[0] === own)!),
});

export const SDKS: readonly Sdk[] = [
  js("openai-js", ["openai.js"], "openai"),
  js("openai-js-6", ["openai.js", "openai-6"], "openai-6"),
  js("ai-sdk-compatible", ["ai-sdk.js", "compatible"], "ai", "@ai-sdk/openai-compatible"),
  js("ai-sdk-openai", ["ai-sdk.js", "openai"], "ai", "@ai-sdk/openai"),
  js("langchain-js", ["langchain.js"], "@langchain/openai", "@langchain/core"),
  js("openai-agents-js", ["agents.js"], "@openai/agents"),
  python("openai-py", ["openai_sdk.py"], "openai"),
  python("langchain-py", ["langchain_sdk.py"], "langchain-openai"),
  python("litellm", ["litellm_sdk.py"], "litellm"),
  python("pydantic-ai", ["pydantic_ai_sdk.py"], "pydantic-ai-slim"),
];

/** Installs what these SDKs need, unless it is there at these versions. */
export function install(sdks: readonly Sdk[]): void {
  const languages = new Set(sdks.map(({ language }) => language));
  if (languages.has("js")) installed("js", "package.json", installJs);
  if (languages.has("python")) installed("python", "requirements.txt", installPython);
}

/** Runs `work` in a folder of the cache, which remembers the list that was installed last. */
function installed(language: string, list: string, work: (folder: string, list: string) => void): void {
  const folder = join(CACHE, language);
  const wanted = join(HERE, language, list);
  const done = join(folder, `installed-${list}`);
  if (existsSync(done) && readFileSync(done, "utf8") === readFileSync(wanted, "utf8")) return;
  console.log(`installing the SDKs of ${language} …`);
  mkdirSync(folder, { recursive: true });
  work(folder, wanted);
  copyFileSync(wanted, done);
}

function installJs(folder: string, list: string): void {
  copyFileSync(list, join(folder, "package.json"));
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder, stdio: "inherit" });
}

function installPython(folder: string, list: string): void {
  execFileSync(process.env.OUTRIDER_PYTHON ?? "python3", ["-m", "venv", folder], { stdio: "inherit" });
  execFileSync(join(folder, "bin/pip"), ["install", "--quiet", "-r", list], { stdio: "inherit" });
}

/** Starts an SDK's process. Adapters in JavaScript run where their packages are. */
export function open({ language, adapter }: Sdk, { url, key }: Service): Client {
  const folder = join(CACHE, language);
  const [file, ...words] = adapter;
  const env = { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${url}/v1`, LITELLM_LOCAL_MODEL_COST_MAP: "True" };
  if (language === "python") return new Client([join(folder, "bin/python"), join(HERE, "python", file!)], folder, env);
  for (const name of ["adapter.js", file!]) copyFileSync(join(HERE, "js", name), join(folder, name));
  return new Client([process.execPath, join(folder, file!), ...words], folder, env);
}
