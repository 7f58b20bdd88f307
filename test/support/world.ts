/**
 * One generation of the real code (round, window, history at the edge; generation and drafts at the origin) in virtual
 * time: only the network, the target and the draft model are made up. A position is easy or hard for the draft model,
 * whoever asks and whenever, so that ways of drafting can be compared.
 */

import { accept, positionsOf } from "../../src/core/speculate/accept.ts";
import type { History } from "../../src/core/speculate/history.ts";
import type { PassCost } from "../../src/core/speculate/pass-cost.ts";
import { generate, type Summary } from "../../src/core/speculate/round.ts";
import {
  type Done,
  type Draft,
  type Drafter,
  GREEDY,
  type More,
  type Proposed,
  type Verdict,
  type Verifier,
} from "../../src/core/speculate/types.ts";
import { Window, type WindowPolicy } from "../../src/core/speculate/window.ts";
import { PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import { Generation } from "../../src/origin/generation.ts";
import { Sequences } from "../../src/origin/sequences.ts";
import { seeded } from "./random.ts";
import { virtually } from "./virtual-time.ts";

export interface World {
  readonly roundTripMs: number;
  readonly draftStepMs: number;
  /** ms of a pass over so many draft tokens. */
  passMs(drafted: number): number;
  /** What the engine says of it. */
  readonly passCost?: PassCost;
  readonly siblings?: boolean;
  /** Confidences of the draft model, each as frequent; it is right as often as it says. */
  readonly confidences: readonly number[];
  /** How often it is right beyond or below what it says, e.g. 0.8 for an overrated one. */
  readonly honesty?: number;
  readonly tokens: number;
  readonly seed?: number;
  /** Share by which ways and passes vary. */
  readonly jitter?: number;
  /** Of the drafts sent, the share that the network loses. */
  readonly loses?: number;
  /** ms that the drafter needs for the prompt. */
  readonly readMs?: number;
  /** What becomes of the draft model. */
  spoil?(drafter: Drafter): Drafter;
}

interface Told extends Summary {
  /** When the first verdict came, ms. */
  readonly firstMs: number;
  /** From the first verdict to the last, ms, and the tokens in between. */
  readonly ms: number;
  readonly tokens: number;
  readonly perMs: number;
  readonly text: readonly number[];
  /** Positions whose token was kept, or at which a draft was rejected. */
  readonly judged: number;
}

/** The tokens that the target decides in this world. */
export const truthOf = (world: World): number[] => placesOf(world, seeded(world.seed ?? 1)).map(({ id }) => id);

function placesOf({ tokens, confidences, honesty = 1 }: World, random: () => number) {
  return Array.from({ length: PROMPT.length + tokens + 64 }, () => {
    const confidence = confidences[Math.floor(random() * confidences.length)]!;
    return { confidence, right: random() < confidence * honesty, id: Math.floor(random() * V) };
  });
}

const V = 1000;
const PROMPT = [1, 2, 3];

/** @param policy null: no drafts */
export function live(world: World, policy: WindowPolicy | null, history: History): Promise<Told> {
  return virtually((now) => liveAt(world, policy, history, now));
}

async function liveAt(world: World, policy: WindowPolicy | null, history: History, now: () => number): Promise<Told> {
  const { roundTripMs, draftStepMs, tokens, seed = 1, jitter = 0, siblings = false, loses = 0, readMs = 0 } = world;
  const random = seeded(seed);
  const varied = (ms: number) => ms * (1 + jitter * (2 * random() - 1));
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const places = placesOf(world, random);
  const truth = (position: number) => places[position]!.id;

  const engine = {
    vocabulary: { size: V, hash: "" },
    context: 1e6,
    capabilities: {
      ...{ rules: ["exact" as const], maxDraft: 31, siblings, capacity: 1e9 },
      cost: () => 1,
      shapes: [],
      logprobs: false,
      drafted: () => true,
    },
    passCost: world.passCost,
  };
  const timeline: number[] = [...PROMPT];
  const sequence = {
    timeline,
    append: (ids: readonly number[]) => void timeline.push(...ids),
    cut: () => {},
    prefill: async () => false,
    close: () => {},
    async decide(draft: readonly number[], _: unknown, besides: readonly { at: number; id: number }[] = []) {
      await sleep(varied(world.passMs(draft.length + besides.length)));
      const positions = positionsOf(timeline.length, draft.length, besides);
      const scores = { own: (row: number) => truth(positions[row]!), logProbability: () => 0 };
      const decision = accept(scores, draft, { kind: "exact" }, new Set(), besides);
      timeline.push(...decision.tokens);
      return decision;
    },
  };
  const sequences = new Sequences({ ...engine, open: () => sequence } as never, { live: 1, kept: 1, idleMs: 1e9 }, now);
  const claim = { tenant: "", ticket: sequences.ticket(), left: () => tokens };
  const lease = (await sequences.lease({ session: "s", claim, tokens: 1, idleMs: 1e9 }))!;
  const window = policy && new Window(policy, history);
  const generation = new Generation(
    {
      ...{ type: "open", version: PROTOCOL_VERSION, model: "", vocabulary: "", session: "s", keep: 0, keepHash: "" },
      ...{ rule: { kind: "exact" }, sampling: GREEDY, stop: [], prompt: [...PROMPT] },
      patience: window?.patience ?? 0,
      maxTokens: tokens,
    },
    { engine, mostPatience: 1e6, now },
  );

  const arrived: (Verdict | Done)[] = [];
  let wake = () => {};
  const hear = (answer: Verdict | Done) => {
    setTimeout(() => {
      arrived.push(answer);
      wake();
    }, roundTripMs / 2);
  };
  void generation.decide(lease, hear).then((reason) => hear({ reason: reason ?? "stop" }));
  const verifier: Verifier = {
    asked: Promise.resolve(),
    submit(draft: Draft) {
      if (random() >= loses) setTimeout(() => generation.draft(draft), varied(roundTripMs / 2));
    },
    get ready() {
      return arrived.length > 0;
    },
    async next() {
      while (arrived.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return arrived.shift()!;
    },
    close: () => generation.leave(),
  };
  let held: readonly number[] = [];
  const drafter: Drafter = {
    async sync(ids) {
      if (held.length === 0 && readMs > 0) await sleep(readMs);
      held = ids;
    },
    async propose(max: number, more: More, others = 0): Promise<readonly Proposed[]> {
      const proposed: Proposed[] = [];
      while (proposed.length < max) {
        await sleep(draftStepMs);
        const at = held.length + proposed.length;
        const so = [...held, ...proposed.map(({ id }) => id)];
        const onTrack = so.every((id, i) => i < PROMPT.length || id === truth(i));
        const { confidence, right, id } = places[at]!;
        const good = onTrack && right;
        // Half of what it gets wrong is its second choice.
        const second = onTrack && !right && id % 2 === 0 ? id : (id + 7) % V;
        const besides = Array.from({ length: others }, (_, n) => ({
          ...{ id: n === 0 ? second : (id + 11 + n) % V, source: "model" as const },
          confidence: n === 0 ? (1 - confidence) / 2 : 0.01,
        }));
        proposed.push({ id: good ? id : (id + 1) % V, confidence, source: "model", others: besides });
        if (!more(proposed.at(-1)!)) break;
      }
      return proposed;
    },
  };
  const dummy = window ?? new Window({ maxDraft: 1, fallback: 0, patience: 0, spare: "time" }, history);
  const edge: number[] = [...PROMPT];
  const { steps, idle } = generate(edge, window ? (world.spoil?.(drafter) ?? drafter) : null, verifier, dummy);
  let first = 0;
  let last = 0;
  let judged = 0;
  for (;;) {
    const { done, value } = await steps.next();
    if (done) {
      // A drafter that hangs is never idle.
      await Promise.race([idle(), sleep(10_000)]);
      const decided = edge.length - PROMPT.length - 1;
      return {
        ...value,
        firstMs: first,
        ms: last - first,
        tokens: decided,
        perMs: decided / (last - first),
        text: edge,
        judged,
      };
    }
    first ||= now();
    last = now();
    judged += value.tokens.filter(({ kept, rejected }) => kept || rejected).length;
  }
}
