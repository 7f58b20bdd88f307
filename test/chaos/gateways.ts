/**
 * The gateways of a run: real processes that are killed and replaced. One more is kept ready to take a dead one's
 * place.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fault } from "./faults.ts";
import { type Front, openFront } from "./front.ts";

const ROOT = join(import.meta.dirname, "../..");

interface Ready {
  readonly child: ChildProcess;
  readonly port: number;
}

/** What a gateway may have of V8's memory: some three times what it takes. */
const HEAP_MB = 96;

/** @param cache where compiled modules are kept: gateways start often */
async function startGateway(cache: string, gguf: string | null): Promise<Ready> {
  const script = [join(import.meta.dirname, "gateway-process.ts"), ...(gguf === null ? [] : [gguf])];
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP_MB}`, ...script], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: cache },
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
  /** Passes in which a planned fault has struck. */
  struck = 0;
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
    ready.child.on("message", (message: { struck?: string }) => {
      if (message.struck !== undefined) this.struck++;
    });
    ready.child.once("exit", () => {
      this.front.target = null;
      this.#current = null;
      void this.replace();
    });
  }

  get isUp(): boolean {
    return this.#current !== null;
  }

  /** Whether somebody was there to get it. */
  signal(name: "SIGKILL" | "SIGTERM"): boolean {
    return this.#current?.child.kill(name) ?? false;
  }

  jump(minutes: number): boolean {
    return this.#tell({ minutes });
  }

  /** @param passes until the fault strikes */
  plan(what: Fault["what"], passes: number): void {
    this.#tell({ fault: { what, passes } });
  }

  /** What was planned for passes and upgrades that have not come. */
  forget(): void {
    this.#tell({ forget: true });
    this.front.upgrades.length = 0;
  }

  /** Whether it was told: a process that is ending takes no message. */
  #tell(message: object): boolean {
    if (!this.#current?.child.connected) return false;
    this.#current.child.send(message);
    return true;
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
  readonly #cache = mkdtempSync(join(tmpdir(), "outrider-chaos-compiled-"));
  readonly #gguf: string | null;
  #next: Promise<Ready>;

  constructor(gguf: string | null) {
    this.#gguf = gguf;
    this.#next = startGateway(this.#cache, gguf);
  }

  /** Each asker gets one of its own: two may ask at once. */
  take(): Promise<Ready> {
    const next = this.#next;
    this.#next = startGateway(this.#cache, this.#gguf);
    return next;
  }

  async close(): Promise<void> {
    (await this.#next).child.kill("SIGKILL");
    rmSync(this.#cache, { recursive: true, force: true });
  }
}

export interface Gateways {
  readonly origins: readonly Origin[];
  close(): Promise<void>;
}

/** @param gguf the target's file, for llama.cpp; null: the project's own engine */
export async function startGateways(count: number, gguf: string | null): Promise<Gateways> {
  const spares = new Spares(gguf);
  const origins = await Promise.all(Array.from({ length: count }, async () => new Origin(await openFront(), spares)));
  for (const origin of origins) await origin.replace();
  return {
    origins,
    close: async () => {
      spares.closed = true;
      await Promise.all(origins.map((origin) => origin.close()));
      await spares.close();
    },
  };
}
