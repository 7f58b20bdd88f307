/**
 * The part of the Workers runtime that this project uses, beside the web standards that lib.dom already describes.
 * Short on purpose: whatever is not written here, no code of ours relies on.
 */

declare module "cloudflare:workers" {
  export abstract class DurableObject<Env = unknown> {
    protected ctx: DurableObjectState;
    protected env: Env;
    constructor(ctx: DurableObjectState, env: Env);
  }
}

/** `dist/outrider.*.wasm` arrive compiled; Workers may not compile WebAssembly at run time. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}

interface Fetcher {
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
}

interface DurableObjectNamespace {
  getByName(name: string): Fetcher;
}

interface DurableObjectState {
  readonly storage: DurableObjectStorage;
  waitUntil(promise: Promise<unknown>): void;
}

interface DurableObjectStorage {
  readonly sql: SqlStorage;
  /** Runs `work` in one transaction, rolled back if it throws. */ transactionSync<T>(work: () => T): T;
  setAlarm(time: number): Promise<void>;
  deleteAll(): Promise<void>;
}

type SqlValue = ArrayBuffer | string | number | null;

interface SqlStorage {
  exec<Row extends Record<string, SqlValue>>(query: string, ...bindings: (SqlValue | Uint8Array)[]): SqlCursor<Row>;
}

interface SqlCursor<Row> extends Iterable<Row> {
  toArray(): Row[];
}

interface Scheduler {
  /** A timer that counts as I/O: clocks advance across it. */ wait(ms: number): Promise<void>;
}

interface Crypto {
  readonly DigestStream: typeof DigestStream;
}

interface SubtleCrypto {
  /** Compares in constant time; throws if the lengths differ. */ timingSafeEqual(
    a: ArrayBufferView,
    b: ArrayBufferView,
  ): boolean;
}

declare class DigestStream extends WritableStream<Uint8Array> {
  readonly digest: Promise<ArrayBuffer>;
  constructor(algorithm: "SHA-256");
}

interface WebSocket {
  /** Takes the socket over; no event arrives before. */ accept(): void;
}

interface Response {
  /** Set on the answer to an accepted upgrade. */ readonly webSocket: WebSocket | null;
}
