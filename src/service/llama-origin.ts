/** An origin with llama.cpp in this process, for an edge on the same machine. */
import { randomBytes } from "node:crypto";
import { renamed } from "../origin/engine.ts";
import { engineRow } from "../origin/engines.ts";
import { DEFAULT_LIMITS, Gateway } from "../origin/gateway.ts";
import { serveOrigin } from "../origin/node.ts";

/** Conversations whose keys and values are kept. */
const SESSIONS = 4;
/** Longest timeline of each, in tokens: a model's whole context would take gigabytes. */
const CONTEXT = 8192;

export interface LocalOrigin {
  readonly url: string;
  /** What the edge must send: nobody else on this machine is let in. */
  readonly token: string;
  /** Longest timeline in tokens. */
  readonly context: number;
  close(): Promise<void>;
}

/**
 * Loads a GGUF file.
 * @param modelContext longest timeline that the model was trained for
 * @param model its id for the edge
 * @param threads null lets llama.cpp choose
 * Throws what the engine throws: `library_missing`, `engine_failed`.
 */
export async function startLlama(
  file: string,
  modelContext: number,
  model: string,
  threads: number | null,
): Promise<LocalOrigin> {
  const loaded = await engineRow("llama").load({
    model: file,
    url: null,
    engineToken: null,
    sessions: SESSIONS,
    kept: SESSIONS,
    kvTokens: SESSIONS * Math.min(CONTEXT, modelContext),
    threads,
    gpu: true,
  });
  const engine = renamed(loaded, model);
  const token = randomBytes(24).toString("base64url");
  const gateway = new Gateway(engine, {
    ...DEFAULT_LIMITS,
    live: SESSIONS,
    kept: SESSIONS,
    token,
    now: () => performance.now(),
  });
  const server = await serveOrigin(gateway, 0, "127.0.0.1");
  return {
    url: `http://127.0.0.1:${server.port}`,
    token,
    context: engine.context,
    close: () => server.close(),
  };
}
