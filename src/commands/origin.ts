/** `outrider origin`: the gateway on a port of this machine. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { PAGE_TOKENS } from "../kernels/abi.ts";
import { OutriderError } from "../model/errors.ts";
import type { TargetEngine } from "../origin/engine.ts";
import { ENGINES, type EngineOptions, engineRow } from "../origin/engines.ts";
import { DEFAULT_LIMITS, Gateway, type GenerationEvent } from "../origin/gateway.ts";
import { type OriginServer, serveOrigin } from "../origin/node.ts";

/** How long generations at work may go on after SIGTERM, ms: most supervisors kill after ten seconds or thirty. */
const DRAIN_MS = 8_000;

const HELP = `outrider origin --engine wasm|llama --model <model> [options]
outrider origin --engine sglang|vllm --url <server> --model <directory> [options]

${Object.entries(ENGINES)
  .map(([name, { model }]) => `  ${name.padEnd(7)} --model is ${model}`)
  .join("\n")}

  --engine wasm            what runs the target
  --model <path>           see above
  --url <http://…>         the SGLang or vLLM server, and
  --engine-token-file <f>  a file with the bearer token that it asks for
  --name <id>              what edges call the model, if not by the name of its file or pack
  --port 8788              0 picks a free one
  --host 127.0.0.1         0.0.0.0 lets other machines in; then use --token-file
  --token-file <file>      callers must send its content as bearer token
  --max-sessions 16        generations at work at once; more wait ten seconds, then are refused as overloaded
  --kv-tokens <n>          tokens of key/value memory for all sessions together; four whole contexts unless given
  --patience <ms>          longest time that an edge may have this origin wait for a draft; 600000 unless given
  --threads <n>, --cpu     llama: threads, and no GPU even where there is one
  --quiet                  no line of JSON per generation (they hold numbers, and nothing of what was said)

SIGTERM takes nothing new and lets generations end for up to ${DRAIN_MS / 1000} s.`;

/** Serves until interrupted. Throws `bad_option` for what it does not understand, and what loading an engine throws. */
export async function originCommand(argv: string[]): Promise<void> {
  const options = parse(argv);
  if (!options) return console.log(HELP);
  const { row, engine, name, live, host, token } = options;
  const loading = row.load(engine).then(
    (loaded) =>
      new Gateway(name === null ? loaded : renamed(loaded, name), {
        ...DEFAULT_LIMITS,
        live,
        kept: engine.kept,
        mostPatience: options.patience,
        token,
        now: () => performance.now(),
        ...(!options.quiet && { log: logged }),
      }),
  );
  // Its failure is awaited below; until then nobody listens to it.
  loading.catch(() => {});
  const server = await listen(loading, options);
  const gateway = await loading.catch(async (error: unknown) => {
    await server.close();
    throw error;
  });
  console.log(
    `origin serves ${gateway.model} at http://${host}:${server.port}${token ? "" : ", open to whoever reaches it"}`,
  );
  await interrupted(server);
}

const renamed = (engine: TargetEngine, model: string): TargetEngine => ({
  name: engine.name,
  model,
  vocabulary: engine.vocabulary,
  context: engine.context,
  capabilities: engine.capabilities,
  open: () => engine.open(),
  close: async () => engine.close?.(),
});

const logged = (event: GenerationEvent): void => {
  const round = (ms: number) => Math.round(ms);
  const line = { time: new Date().toISOString(), event: "generation", ...event };
  console.error(JSON.stringify({ ...line, queuedMs: round(event.queuedMs), ms: round(event.ms) }));
};

interface Options {
  readonly row: ReturnType<typeof engineRow>;
  readonly engine: EngineOptions;
  readonly name: string | null;
  readonly port: number;
  readonly host: string;
  readonly token: string | null;
  readonly live: number;
  readonly patience: number;
  readonly quiet: boolean;
}

function parse(argv: string[]): Options | null {
  const { values } = parseArguments(argv);
  if (values.help) return null;
  const row = engineRow(values.engine);
  if (values.model === undefined) throw bad(`--model is missing; for ${values.engine} it names ${row.model}`);
  if (row.remote && values.url === undefined) {
    throw bad(`--url is missing; it says where the ${values.engine} server listens, such as http://127.0.0.1:30000`);
  }
  if (values.url !== undefined && !(row.remote && URL.canParse(values.url))) {
    throw bad(row.remote ? `--url: "${values.url}" is no URL` : `--url: ${values.engine} runs in this process`);
  }
  const whole = (
    option: "port" | "max-sessions" | "kv-tokens" | "patience" | "threads",
    least: number,
    most: number,
  ) => (values[option] === undefined ? null : wholeNumber(`--${option}`, values[option], least, most));
  const live = whole("max-sessions", 1, 10_000) ?? DEFAULT_LIMITS.live;
  return {
    row,
    engine: {
      model: resolve(values.model),
      url: values.url ?? null,
      engineToken: values["engine-token-file"] === undefined ? null : tokenFrom(values["engine-token-file"]),
      sessions: live,
      kept: live * row.keptPerLive,
      kvTokens: whole("kv-tokens", PAGE_TOKENS, 1e9),
      threads: whole("threads", 1, 1024),
      gpu: !values.cpu,
    },
    name: values.name ?? null,
    port: whole("port", 0, 65535) ?? 8788,
    host: values.host,
    token: values["token-file"] === undefined ? null : tokenFrom(values["token-file"]),
    live,
    patience: whole("patience", 0, DEFAULT_LIMITS.mostPatience) ?? DEFAULT_LIMITS.mostPatience,
    quiet: values.quiet,
  };
}

const TEXT = { type: "string" } as const;
const SWITCH = { type: "boolean", default: false } as const;

function parseArguments(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        engine: { ...TEXT, default: "wasm" },
        model: TEXT,
        url: TEXT,
        "engine-token-file": TEXT,
        name: TEXT,
        port: TEXT,
        host: { ...TEXT, default: "127.0.0.1" },
        "token-file": TEXT,
        "max-sessions": TEXT,
        "kv-tokens": TEXT,
        patience: TEXT,
        threads: TEXT,
        cpu: SWITCH,
        quiet: SWITCH,
        help: SWITCH,
      },
    });
  } catch (cause) {
    throw bad(`${(cause as Error).message}\n\n${HELP}`);
  }
}

async function listen(gateway: Promise<Gateway>, { port, host }: Options): Promise<OriginServer> {
  try {
    return await serveOrigin(gateway, port, host);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new OutriderError("port_in_use", `port ${port} of ${host} is taken; give another with --port`, { cause });
  }
}

function tokenFrom(file: string): string {
  const token = readFileSync(file, "utf8").trim();
  if (!/^\S{16,}$/.test(token)) throw bad(`${file} must hold one word of at least 16 characters as its token`);
  return token;
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw bad(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
}

const bad = (message: string) => new OutriderError("bad_option", message);

async function interrupted(server: OriginServer): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.close(DRAIN_MS);
}
