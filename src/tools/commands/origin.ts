/** `outrider origin`: the gateway on a port of this machine. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { checkModelId } from "../../core/model/model-id.ts";
import { checkFile } from "../../core/platform/named-file.ts";
import { REGIONS } from "../../core/verify/region.ts";
import { renamed } from "../../origin/engine.ts";
import { DEFAULT_ACCELERATOR } from "../../origin/engines/accelerators.ts";
import { ENGINES, type EngineOptions, engineRow } from "../../origin/engines.ts";
import { DEFAULT_LIMITS, Gateway, type GenerationEvent } from "../../origin/gateway.ts";
import { type OriginServer, serveOrigin } from "../../origin/node.ts";
import { command } from "./command.ts";
import { choice, flag, text, usage, whole } from "./options.ts";

/** How long generations at work may go on after SIGTERM, ms: most supervisors kill after ten seconds or thirty. */
const DRAIN_MS = 8_000;

const ENGINE_NAMES = Object.keys(ENGINES);

export const originCommand = command({
  examples: [
    [
      "outrider origin --engine llama --model model.gguf",
      "a GGUF file on llama.cpp, on this machine's GPU if it has one",
    ],
    ["outrider origin --model target-pack --port 9000", "a pack on WebAssembly, which needs nothing else installed"],
    [
      "outrider origin --engine vllm --url http://127.0.0.1:8000 --model ./hf --host 0.0.0.0 --token-file token",
      "in front of a vLLM server, reachable by other machines that know the token",
    ],
  ],
  options: {
    engine: choice(ENGINE_NAMES, "what runs the target", { default: "wasm" }),
    model: text("PATH", "what the engine runs; see below", { required: true }),
    url: text("URL", "the SGLang or vLLM server"),
    engineTokenFile: text("FILE", "holds the bearer token that this server asks for"),
    name: text("ID", "what edges call the model, if not by the name of its file or pack"),
    port: whole("where to listen; 0 picks a free one", { from: 0, to: 65535, default: 8788, env: "PORT" }),
    host: text("ADDRESS", "0.0.0.0 lets other machines in; then use --token-file", { default: "127.0.0.1" }),
    tokenFile: text("FILE", "callers must send its content as bearer token: one word of at least 16 characters"),
    region: choice(REGIONS, "where this origin stands: edges then ask Cloudflare to make Sessions there"),
    maxSessions: whole("generations at work at once; more wait ten seconds, then are refused as overloaded", {
      from: 1,
      to: 10_000,
      default: DEFAULT_LIMITS.live,
    }),
    kvTokens: whole("tokens of key/value memory for all sessions together; four whole contexts unless given", {
      from: PAGE_TOKENS,
      to: 1e9,
    }),
    maxTokens: whole("tokens of one answer at most, whatever an edge asks for", {
      from: 1,
      to: 1e9,
      default: DEFAULT_LIMITS.maxTokens,
    }),
    patience: whole("longest time in ms that an edge may have this origin wait for a draft", {
      from: 0,
      to: DEFAULT_LIMITS.mostPatience,
      default: DEFAULT_LIMITS.mostPatience,
    }),
    threads: whole("llama: threads; one a core unless given", { from: 1, to: 1024 }),
    cpu: flag("llama: no GPU even where there is one"),
    exact: flag("llama: the same text whatever else is computed; prompts are read more slowly (docs/use/same-text.md)"),
    accelerator: text("NAME", "emulated: whose costs; `outrider start --emulate list` shows them", {
      default: DEFAULT_ACCELERATOR,
    }),
    recorded: text("FILE", "emulated: the answers that are replayed, as `outrider corpus` writes them"),
    quiet: flag("no line of JSON per generation on stderr; these hold numbers and no text"),
  },
  notes: `What --model names: ${Object.entries(ENGINES)
    .map(([name, { model }]) => `for ${name} ${model}`)
    .join("; ")}.

SIGTERM takes nothing new and lets generations end for up to ${DRAIN_MS / 1000} s.`,
  /** Serves until interrupted. */
  async run({ model, url, engineTokenFile, name, port, host, tokenFile, maxSessions: live, ...given }) {
    const row = engineRow(given.engine);
    if (name !== undefined) checkModelId(name);
    if (row.remote && url === undefined) {
      throw usage(`--url is missing; it says where the ${given.engine} server listens, such as http://127.0.0.1:30000`);
    }
    if (url !== undefined && !row.remote) throw usage(`--url: ${given.engine} runs in this process`);
    if (url !== undefined && !URL.canParse(url)) throw usage(`--url: "${url}" is no URL`);
    if (!existsSync(model)) throw new OutriderError("not_found", `--model ${model}: there is no such file or folder`);
    if (given.engine === "wasm" && !existsSync(join(model, "pack.json"))) {
      throw usage(
        `--model ${model} is no pack, which the wasm engine takes; for a GGUF file say --engine llama, or make a ` +
          "pack of it with `outrider import`",
      );
    }
    if (given.engine === "emulated" && given.recorded === undefined) {
      throw usage("--recorded is missing; it names the file of answers that the emulated engine replays");
    }
    const token = tokenFile === undefined ? null : tokenFrom(tokenFile);
    const engine: EngineOptions = {
      model: resolve(model),
      url: url ?? null,
      engineToken: engineTokenFile === undefined ? null : tokenFrom(engineTokenFile),
      kept: live * row.keptPerLive,
      kvTokens: given.kvTokens ?? null,
      threads: given.threads ?? null,
      gpu: !given.cpu,
      exact: given.exact,
      ...(given.recorded !== undefined && {
        emulation: { accelerator: given.accelerator, recorded: resolve(given.recorded) },
      }),
    };
    const loading = row.load(engine).then(
      (loaded) =>
        new Gateway(name === undefined ? loaded : renamed(loaded, name), {
          ...DEFAULT_LIMITS,
          live,
          kept: engine.kept,
          mostPatience: given.patience,
          maxTokens: given.maxTokens,
          region: given.region,
          token,
          now: () => performance.now(),
          ...(!given.quiet && { log: logged }),
        }),
    );
    // Its failure is awaited below; until then nobody listens to it.
    loading.catch(() => {});
    const server = await listen(loading, port, host);
    const gateway = await loading.catch(async (error: unknown) => {
      await server.close();
      throw error;
    });
    const access = token ? "" : ", open to whoever reaches it";
    console.log(`origin serves ${gateway.model} at http://${host}:${server.port}${access}`);
    if (gateway.hardware !== undefined) console.log(`on ${gateway.hardware}`);
    if (gateway.moreWith !== undefined) console.log(gateway.moreWith);
    await interrupted(server);
  },
});

const logged = (event: GenerationEvent): void => {
  const round = (ms: number) => Math.round(ms);
  const line = { time: new Date().toISOString(), event: "generation", ...event };
  console.error(JSON.stringify({ ...line, queuedMs: round(event.queuedMs), ms: round(event.ms) }));
};

async function listen(gateway: Promise<Gateway>, port: number, host: string): Promise<OriginServer> {
  try {
    return await serveOrigin(gateway, port, host);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new OutriderError("port_in_use", `port ${port} of ${host} is taken; give another with --port`, { cause });
  }
}

/** The word in a file. Throws as `checkFile` does, and `bad_option` for anything but one long word. */
export function tokenFrom(file: string): string {
  checkFile(file);
  const token = readFileSync(file, "utf8").trim();
  if (!/^\S{16,}$/.test(token)) throw usage(`${file} must hold one word of at least 16 characters as its token`);
  return token;
}

async function interrupted(server: OriginServer): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.close(DRAIN_MS);
}
