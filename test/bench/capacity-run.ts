/**
 * How many tokens a second one emulated GPU gives to so many clients at once, through a real gateway and real sockets.
 * The drafter is replayed, since no machine of two cores drafts for 256 clients. All times are slowed by a factor, so
 * that this process keeps up; ratios do not change by it, and tokens per second are multiplied by it again.
 */

import { accept } from "../../src/core/speculate/accept.ts";
import { History } from "../../src/core/speculate/history.ts";
import { generate } from "../../src/core/speculate/round.ts";
import { GREEDY } from "../../src/core/speculate/types.ts";
import { fewestPasses, Window } from "../../src/core/speculate/window.ts";
import { VerifyClient } from "../../src/core/verify/client.ts";
import { MAX_DRAFT } from "../../src/core/verify/protocol.ts";
import type { Deciding, EngineSequence, TargetEngine } from "../../src/origin/engine.ts";
import type { Accelerator } from "../../src/origin/engines/accelerators.ts";
import { emulatedEngine } from "../../src/origin/engines/emulated.ts";
import { EmulatedGpu } from "../../src/origin/engines/emulated-gpu.ts";
import { Recordings } from "../../src/origin/engines/recordings.ts";
import { DEFAULT_LIMITS, Gateway } from "../../src/origin/gateway.ts";
import { serveOrigin } from "../../src/origin/node.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { type Drafted, draftAt, replayedDrafter } from "./replayed-drafts.ts";

/**
 *   none        no drafts
 *   colocated   drafts of a fixed length made on the GPU itself, all sequences of a pass together
 *   time        ours, from an edge that prefers time
 *   passes      ours, from an edge that prefers passes
 *   streams     ours, where the origin never waits: a draft is used in the pass for which it comes in time
 */
export type CapacityWay = "none" | "time" | "passes" | "streams" | { readonly colocated: number };

export interface Load {
  readonly clients: number;
  readonly accelerator: Accelerator;
  readonly roundTripMs: number;
  /** Of the replayed drafter. */
  readonly draftStepMs: number;
  /** By how much everything is slowed. */
  readonly slowed: number;
  /** Length of the measurement, in passes of one position. */
  readonly passes: number;
}

/** Share of the measurement before anything counts: prompts are read, costs are learned. */
const WARM = 0.4;
const TARGET = { model: "replayed", vocabulary: { size: 1_000_000, hash: "0".repeat(16) }, context: 8192 };

export interface CapacityFigures {
  /** Of all clients together. */
  readonly tokens_per_second: number;
  readonly tokens_per_pass: number;
}

export async function runLoad(answers: readonly Drafted[], way: CapacityWay, load: Load): Promise<CapacityFigures> {
  const { clients, accelerator, slowed } = load;
  const gpu = new EmulatedGpu(slow(accelerator, slowed));
  const recordings = new Recordings(
    answers.map(({ prompt, answer }) => ({ prompt: [...prompt], answer: [...answer], ...GREEDY })),
  );
  const emulated = emulatedEngine(TARGET, recordings, gpu, { maxDraft: MAX_DRAFT, sequences: 2 * clients });
  const engine = typeof way === "object" ? colocated(emulated, gpu, answers, way.colocated) : emulated;
  const limits = { ...DEFAULT_LIMITS, live: clients, kept: 2 * clients, token: null, now: () => performance.now() };
  const server = await serveOrigin(new Gateway(engine, limits), 0, "127.0.0.1");
  const proxy = await faultProxy(server.port);
  proxy.delayMs = (load.roundTripMs * slowed) / 2;
  const lasts = load.passes * accelerator.passMs * slowed;
  const [from, until] = [performance.now() + WARM * lasts, performance.now() + lasts];
  const counted = { tokens: 0, passes: 0 };
  const url = `ws://127.0.0.1:${proxy.port}/v1/verify`;
  await Promise.all(
    Array.from({ length: clients }, (_, n) => client(n, { url, answers, way, load, from, until, counted })),
  );
  await proxy.close();
  await server.close();
  return {
    tokens_per_second: (slowed * 1000 * counted.tokens) / (until - from),
    tokens_per_pass: counted.tokens / counted.passes,
  };
}

const slow = (accelerator: Accelerator, by: number): Accelerator => ({
  ...accelerator,
  passMs: accelerator.passMs * by,
  prefill: accelerator.prefill / by,
  contextUs: accelerator.contextUs * by,
  draftMs: accelerator.draftMs * by,
});

interface Course {
  readonly url: string;
  readonly answers: readonly Drafted[];
  readonly way: CapacityWay;
  readonly load: Load;
  /** Times of `performance.now` between which tokens count. */
  readonly from: number;
  readonly until: number;
  readonly counted: { tokens: number; passes: number };
}

/** Asks one question after the other until the time is over. */
async function client(n: number, { url, answers, way, load, from, until, counted }: Course): Promise<void> {
  const history = new History();
  for (let asked = 0; performance.now() < until; asked++) {
    const drafted = answers[(n + asked) % answers.length]!;
    const drafts = typeof way === "string" && way !== "none";
    const policy =
      way === "passes"
        ? { ...fewestPasses(8), patience: 60_000 }
        : ({ maxDraft: MAX_DRAFT, fallback: 0, patience: way === "time" ? "auto" : 0, spare: "time" } as const);
    const window = new Window(policy, history);
    const verifier = new VerifyClient({
      way: { connect: async () => new WebSocket(url) },
      open: {
        model: TARGET.model,
        vocabulary: TARGET.vocabulary.hash,
        session: `client-${n}`,
        sampling: GREEDY,
        rule: { kind: "exact" },
        patience: window.patience,
        stop: [],
      },
      timeline: drafted.prompt,
      keep: 0,
      vocabularySize: TARGET.vocabulary.size,
      maxTokens: drafted.answer.length,
    });
    const drafter = drafts ? replayedDrafter(drafted, load.draftStepMs * load.slowed) : null;
    const { steps, idle } = generate([...drafted.prompt], drafter, verifier, window);
    for await (const { tokens } of steps) {
      const now = performance.now();
      if (now >= until) break;
      if (now < from) continue;
      counted.tokens += tokens.length;
      counted.passes++;
    }
    await idle();
  }
}

/** The engine with drafts of its own: as many steps of a draft model precede each pass, whatever comes from afar. */
function colocated(engine: TargetEngine, gpu: EmulatedGpu, answers: readonly Drafted[], length: number): TargetEngine {
  const byPrompt = new Map(answers.map((drafted) => [drafted.prompt.join(" "), drafted]));
  return {
    ...engine,
    open(): EngineSequence {
      const sequence = engine.open();
      let drafted: Drafted | undefined;
      return {
        timeline: sequence.timeline,
        append: (tokens) => sequence.append(tokens),
        cut: (at) => sequence.cut(at),
        prefill: () => sequence.prefill(),
        close: () => sequence.close(),
        async decide(_, deciding: Deciding) {
          const { timeline } = sequence;
          if (!drafted || !timeline.slice(0, drafted.prompt.length).every((id, i) => drafted!.prompt[i] === id)) {
            drafted = byPrompt.get(timeline.join(" "));
            return sequence.decide([], deciding);
          }
          const { answer, prompt } = drafted;
          const at = timeline.length - prompt.length;
          if (at === 0) return sequence.decide([], deciding);
          const draft = draftAt(drafted, at, Math.min(length, answer.length - at - 1)).map(({ id }) => id);
          const work = { positions: draft.length + 1, prompt: 0, context: timeline.length, draftSteps: draft.length };
          await gpu.run(work);
          const own = (row: number) => answer[at + row] ?? null;
          const scores = { own, logProbability: () => Number.NEGATIVE_INFINITY };
          const decision = accept(scores, draft, deciding.rule, deciding.stop);
          sequence.append(decision.tokens);
          return { ...decision, kept: 0 };
        },
      };
    },
  };
}
