/** `outrider origin`: the gateway on a port of this machine. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { loadLlama } from "../draft/model.ts";
import { directoryHeader, shardReader } from "../format/disk.ts";
import { packBytes } from "../format/pack-header.ts";
import { PAGE_TOKENS, pageBytes } from "../kernels/abi.ts";
import { builtModules } from "../kernels/built.ts";
import { totalKvHeads } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";
import { MAX_DRAFT } from "../verify/protocol.ts";
import type { TargetEngine } from "./engine.ts";
import { WasmEngine } from "./engines/wasm.ts";
import { DEFAULT_LIMITS, Gateway } from "./gateway.ts";
import { type OriginServer, serveOrigin } from "./node.ts";

const HELP = `outrider origin --model <pack directory> [options]

  --engine wasm        what runs the target
  --port 8788          0 picks a free one
  --host 127.0.0.1     0.0.0.0 lets other machines in; then use --token-file
  --token-file <file>  callers must send its content as bearer token
  --sessions 16        generations at work at once; more wait, then are refused as overloaded
  --kv-tokens <n>      tokens of key/value memory for all sessions together; four whole contexts unless given`;

/** Serves until interrupted. Throws `bad_option` for what it does not understand, and what loading a pack throws. */
export async function originCommand(argv: string[]): Promise<void> {
  const options = parse(argv);
  if (!options) return console.log(HELP);
  const engine = await loadEngine(options);
  const gateway = new Gateway(engine, {
    ...DEFAULT_LIMITS,
    live: options.sessions,
    kept: Math.max(DEFAULT_LIMITS.kept, options.sessions),
    token: options.token,
    now: () => performance.now(),
  });
  const server = await listen(gateway, options);
  console.log(
    `origin serves ${engine.model} at http://${options.host}:${server.port}${options.token ? "" : ", open to whoever reaches it"}`,
  );
  await interrupted(server);
}

interface Options {
  readonly engine: string;
  readonly model: string;
  readonly port: number;
  readonly host: string;
  readonly token: string | null;
  readonly sessions: number;
  readonly kvTokens: number | null;
}

function parse(argv: string[]): Options | null {
  const { values } = parseArguments(argv);
  if (values.help) return null;
  if (values.model === undefined) throw bad("--model is missing; it names a pack's directory");
  if (values.engine !== "wasm") throw bad(`there is no engine "${values.engine}"; this build has wasm`);
  return {
    engine: values.engine,
    model: resolve(values.model),
    port: whole("--port", values.port, 0, 65535),
    host: values.host,
    token: values["token-file"] === undefined ? null : tokenFrom(values["token-file"]),
    sessions: whole("--sessions", values.sessions, 1, 10_000),
    kvTokens: values["kv-tokens"] === undefined ? null : whole("--kv-tokens", values["kv-tokens"], PAGE_TOKENS, 1e9),
  };
}

function parseArguments(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: {
        engine: { type: "string", default: "wasm" },
        model: { type: "string" },
        port: { type: "string", default: "8788" },
        host: { type: "string", default: "127.0.0.1" },
        "token-file": { type: "string" },
        sessions: { type: "string", default: "16" },
        "kv-tokens": { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    throw bad(`${(cause as Error).message}\n\n${HELP}`);
  }
}

async function loadEngine({ model, kvTokens }: Options): Promise<TargetEngine> {
  const header = await directoryHeader(model);
  const { headSize, context } = header.config;
  // One WASM memory ends at 4 GiB; what the weights leave of three may hold keys and values.
  const room = Math.floor((3 * 2 ** 30 - packBytes(header)) / pageBytes(totalKvHeads(header.config), headSize));
  const wanted = Math.ceil((kvTokens ?? 4 * context) / PAGE_TOKENS);
  if (kvTokens !== null && wanted > room)
    throw bad(`--kv-tokens: at most ${room * PAGE_TOKENS} fit beside ${header.model}`);
  const llama = await loadLlama(header, shardReader(model, header), await builtModules(), {
    pages: Math.min(wanted, room),
    rows: MAX_DRAFT + 1,
  });
  return new WasmEngine(llama, MAX_DRAFT);
}

async function listen(gateway: Gateway, { port, host }: Options): Promise<OriginServer> {
  try {
    return await serveOrigin(gateway, port, host);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new OutriderError("port_in_use", `port ${port} of ${host} is taken; give another with --port`, { cause });
  }
}

function tokenFrom(file: string): string {
  const token = readFileSync(file, "utf8").trim();
  if (!/^\S{16,}$/.test(token)) throw bad(`--token-file: ${file} must hold one word of at least 16 characters`);
  return token;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : -1;
  if (value >= least && value <= most) return value;
  throw bad(`${name} must be a whole number from ${least} to ${most}, not "${text}"`);
}

const bad = (message: string) => new OutriderError("bad_option", message);

async function interrupted(server: OriginServer): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await server.close();
}
