/** A TargetEngine that speaks the made-up language of `scripted.ts`, and counts what it is asked to do. */

import { accept, type Decision, fullScores, positionsOf, shapesOf } from "../../src/core/speculate/accept.ts";
import type { PassCost } from "../../src/core/speculate/pass-cost.ts";
import { KINDS } from "../../src/core/speculate/shaping.ts";
import type { Sibling } from "../../src/core/speculate/types.ts";
import type { Capabilities, Deciding, EngineSequence, TargetEngine } from "../../src/origin/engine.ts";
import { DEFAULT_LIMITS, Gateway, type GatewayOptions } from "../../src/origin/gateway.ts";
import { type OriginServer, serveOrigin } from "../../src/origin/node.ts";
import { scriptedRows, sleep, V } from "./scripted.ts";

const SLICE = 8;

export class ScriptedEngine implements TargetEngine {
  readonly name = "scripted";
  readonly model = "scripted";
  readonly vocabulary = { size: V, hash: "scripted-vocabulary" };
  context = 4096;
  capabilities: Capabilities = {
    rules: ["exact", "bild"],
    maxDraft: 15,
    siblings: true,
    capacity: 1e9,
    cost: (tokens) => tokens,
    shapes: KINDS,
    logprobs: true,
    drafted: () => true,
  };
  passCost: PassCost | undefined;
  /** How long a pass takes; 0 leaves it synchronous inside. */
  stepMs = 0;
  passes = 0;
  slices = 0;
  /** Sequences that are open. */
  sequences = 0;
  /** Sequences being worked on at this moment, by how many callers at most. */
  mostAtOnce = 0;
  /** Set to make the next pass fail. */
  fault: Error | null = null;

  open(): EngineSequence {
    this.sequences++;
    return new ScriptedSequence(this);
  }
}

class ScriptedSequence implements EngineSequence {
  readonly timeline: number[] = [];
  readonly #engine: ScriptedEngine;
  #computed = 0;
  #atWork = 0;
  #closed = false;

  constructor(engine: ScriptedEngine) {
    this.#engine = engine;
  }

  append(tokens: readonly number[]): void {
    this.timeline.push(...tokens);
  }

  cut(length: number): void {
    this.timeline.length = Math.min(this.timeline.length, length);
    this.#computed = Math.min(this.#computed, length);
  }

  async prefill(): Promise<boolean> {
    if (this.timeline.length - this.#computed <= SLICE) return false;
    this.#engine.slices++;
    await this.#work(async () => {
      this.#computed += SLICE;
    });
    return true;
  }

  async decide(
    draft: readonly number[],
    { sampling, rule, stop, shapers, logprobs }: Deciding,
    siblings: readonly Sibling[] = [],
  ): Promise<Decision> {
    this.#engine.passes++;
    if (draft.length + siblings.length > this.#engine.capabilities.maxDraft)
      throw new Error("more draft tokens than a pass scores");
    const { fault } = this.#engine;
    this.#engine.fault = null;
    if (fault) throw fault;
    return this.#work(async () => {
      const position = this.timeline.length;
      const scores = fullScores(
        scriptedRows(this.timeline, draft, siblings),
        V,
        sampling,
        positionsOf(position, draft.length, siblings),
        shapesOf(shapers, this.timeline, draft, siblings),
        logprobs,
      );
      const decision = accept(scores, draft, rule, stop, siblings);
      this.append(decision.tokens);
      this.#computed = this.timeline.length - 1;
      return decision;
    });
  }

  close(): void {
    if (this.#closed) throw new Error("closed twice");
    this.#closed = true;
    this.#engine.sequences--;
  }

  async #work<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error("used after close");
    this.#engine.mostAtOnce = Math.max(this.#engine.mostAtOnce, ++this.#atWork);
    if (this.#engine.stepMs > 0) await sleep(this.#engine.stepMs);
    const result = await work();
    this.#atWork--;
    return result;
  }
}

export interface ScriptedOrigin {
  readonly engine: ScriptedEngine;
  readonly gateway: Gateway;
  readonly server: OriginServer;
  readonly url: string;
}

/**
 * A real origin on a port of this machine (0 picks one), running the scripted engine: under the name and vocabulary of
 * `served`, where an edge expects those.
 */
export async function scriptedOrigin(
  options: Partial<GatewayOptions> = {},
  port = 0,
  served: Partial<Pick<TargetEngine, "model" | "vocabulary">> = {},
): Promise<ScriptedOrigin> {
  const engine = Object.assign(new ScriptedEngine(), served);
  const gateway = new Gateway(engine, {
    token: null,
    ...DEFAULT_LIMITS,
    queueMs: 500,
    now: () => performance.now(),
    ...options,
  });
  const server = await serveOrigin(gateway, port, "127.0.0.1");
  return { engine, gateway, server, url: `ws://127.0.0.1:${server.port}/v1/verify` };
}
