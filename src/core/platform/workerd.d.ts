/**
 * The Workers runtime for programs whose other types are Node's and the browser's: tests, tools, the compiled package.
 * What is here suffices to compile the Workers in such a program. Whether it is true is checked by
 * tsconfig.workers.json, which compiles the same files with Cloudflare's own types and without this one.
 */

type DurableObjectState = import("@cloudflare/workers-types").DurableObjectState;
type DurableObjectStorage = import("@cloudflare/workers-types").DurableObjectStorage;
type DurableObjectNamespaceGetDurableObjectOptions =
  import("@cloudflare/workers-types").DurableObjectNamespaceGetDurableObjectOptions;
type ExecutionContext = import("@cloudflare/workers-types").ExecutionContext;
type SqlStorage = import("@cloudflare/workers-types").SqlStorage;

interface Scheduler {
  readonly wait: import("@cloudflare/workers-types").Scheduler["wait"];
}

interface Crypto {
  readonly DigestStream: typeof import("@cloudflare/workers-types").DigestStream;
}

// In terms of the browser's Request, Response and WebSocket, which are not Cloudflare's.

declare module "cloudflare:workers" {
  export abstract class DurableObject<Env = unknown> {
    protected ctx: DurableObjectState;
    protected env: Env;
    constructor(ctx: DurableObjectState, env: Env);
    fetch?(request: Request): Response | Promise<Response>;
    alarm?(): void | Promise<void>;
  }
}

interface Fetcher {
  fetch(input: Request | URL | string, init?: RequestInit): Promise<Response>;
}

interface DurableObjectNamespace {
  getByName(name: string, options?: DurableObjectNamespaceGetDurableObjectOptions): Fetcher;
}

interface WebSocket {
  accept(): void;
}

declare class WebSocketPair {
  readonly 0: WebSocket;
  readonly 1: WebSocket;
}

interface Response {
  readonly webSocket: WebSocket | null;
}

interface ResponseInit {
  webSocket?: WebSocket | null;
}

/** A pipe through which the runtime moves bytes by itself. */
declare class IdentityTransformStream {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}
