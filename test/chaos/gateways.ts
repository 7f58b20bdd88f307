/**
 * The gateways of a run: real processes that are killed and replaced. One more is kept ready to take a dead one's
 * place.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Fault } from "./faults.ts";
import { type Front, openFront } from "./front.ts";

const ROOT = join(import.meta.dirname, "../..");

interface Ready {
  readonly child: ChildProcess;
  readonly port: number;
}

async function startGateway(): Promise<Ready> {
  const child = spawn(join(ROOT, "node_modules/.bin/node"), [join(import.meta.dirname, "gateway-process.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  const [message] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`a gateway ended with status ${code} at its start`))),
  ])) as [{ port: number }];
  return { child, port: message.port };
}

/** One of the edge's origins: an address that stays, and the process that stands behind it at the moment. */
export class Origin {
  readonly front: Front;
  readonly #spares: Spares;
  #current: Ready | null = null;

  constructor(front: Front, spares: Spares) {
    this.front = front;
    this.#spares = spares;
  }

  /** Puts a process that is ready behind the address. Another takes its place when it ends. */
  async replace(): Promise<void> {
    if (this.#spares.closed) return;
    const ready = await this.#spares.take();
    if (this.#spares.closed) {
      ready.child.kill("SIGKILL");
      return;
    }
    this.#current = ready;
    this.front.target = ready.port;
    ready.child.once("exit", () => {
      this.front.target = null;
      this.#current = null;
      void this.replace();
    });
  }

  get isUp(): boolean {
    return this.#current !== null;
  }

  signal(name: "SIGKILL" | "SIGTERM"): void {
    this.#current?.child.kill(name);
  }

  tell(message: { readonly minutes: number } | { readonly fault: Pick<Fault, "what"> & { passes: number } }): void {
    // A process that is ending takes no message.
    if (this.#current?.child.connected) this.#current.child.send(message);
  }

  /** Counts of its /health that say what is under way; null while it is down. */
  async counts(): Promise<{ live: number; queued: number; connections: number; kept: number } | null> {
    if (!this.#current) return null;
    const response = await fetch(`http://127.0.0.1:${this.#current.port}/health`).catch(() => null);
    return response
      ? ((await response.json()) as { live: number; queued: number; connections: number; kept: number })
      : null;
  }

  async close(): Promise<void> {
    const child = this.#current?.child;
    await this.front.close();
    if (!child) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}

class Spares {
  closed = false;
  #next = startGateway();

  /** Each asker gets one of its own: two may ask at once. */
  take(): Promise<Ready> {
    const next = this.#next;
    this.#next = startGateway();
    return next;
  }

  async close(): Promise<void> {
    this.closed = true;
    (await this.#next).child.kill("SIGKILL");
  }
}

export interface Gateways {
  readonly origins: readonly Origin[];
  close(): Promise<void>;
}

export async function startGateways(count: number): Promise<Gateways> {
  const spares = new Spares();
  const origins = await Promise.all(Array.from({ length: count }, async () => new Origin(await openFront(), spares)));
  for (const origin of origins) await origin.replace();
  return {
    origins,
    close: async () => {
      await spares.close();
      await Promise.all(origins.map((origin) => origin.close()));
    },
  };
}
