/**
 * Generations that do not fit beside each other, in virtual time: whatever gives way, each text is that of the target
 * alone, nobody waits for ever, and the engine never holds more than it has. And tenants that share one engine.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GREEDY, type Sibling } from "../../src/core/speculate/types.ts";
import { type OpenFrame, PROTOCOL_VERSION } from "../../src/core/verify/protocol.ts";
import type { Deciding, EngineSequence } from "../../src/origin/engine.ts";
import { DEFAULT_LIMITS, Gateway, type GatewayOptions } from "../../src/origin/gateway.ts";
import { seeded } from "../support/random.ts";
import { reference, V } from "../support/scripted.ts";
import { ScriptedEngine } from "../support/scripted-engine.ts";
import { virtually } from "../support/virtual-time.ts";

const PAGE = 8;
const pages = (tokens: number) => Math.ceil(tokens / PAGE);

/** Counts what its sequences hold, as the pool of an engine does, and has no more than `capacity` pages. */
class PagedEngine extends ScriptedEngine {
  readonly #held = new Map<EngineSequence, number>();
  atOnce = 0;
  /** Tokens that were computed, again and again counted. */
  computed = 0;

  constructor(capacity: number, serial: boolean) {
    super();
    this.context = capacity * PAGE;
    this.capabilities = { ...this.capabilities, capacity, cost: pages, ...(serial && { serial: true as const }) };
  }

  get heldPages(): number {
    return [...this.#held.values()].reduce((sum, tokens) => sum + pages(tokens), 0);
  }

  override open(): EngineSequence {
    const inner = super.open();
    const holds = (tokens: number) => {
      this.computed += Math.max(0, tokens - (this.#held.get(sequence) ?? 0));
      this.#held.set(sequence, tokens);
      if (this.heldPages > this.capabilities.capacity) throw new Error(`${this.heldPages} pages are too many`);
    };
    const work = async <T>(run: () => Promise<T>): Promise<T> => {
      this.atOnce++;
      if (this.capabilities.serial && this.atOnce > 1) throw new Error("two passes at once");
      try {
        return await run();
      } finally {
        this.atOnce--;
      }
    };
    const sequence: EngineSequence = {
      timeline: inner.timeline,
      append: (tokens) => inner.append(tokens),
      cut: (length) => {
        inner.cut(length);
        this.#held.set(sequence, Math.min(this.#held.get(sequence) ?? 0, length));
      },
      prefill: () =>
        work(async () => {
          const more = await inner.prefill();
          if (more) holds((this.#held.get(sequence) ?? 0) + PAGE);
          return more;
        }),
      decide: (draft: readonly number[], deciding: Deciding, siblings: readonly Sibling[] = []) =>
        work(async () => {
          holds(inner.timeline.length + draft.length + siblings.length);
          const decision = await inner.decide(draft, deciding, siblings);
          this.#held.set(sequence, inner.timeline.length - 1);
          return decision;
        }),
      close: () => {
        this.#held.delete(sequence);
        inner.close();
      },
    };
    return sequence;
  }
}

interface Asked {
  readonly tenant: string;
  readonly session: string;
  readonly prompt: number;
  readonly maxTokens: number;
  readonly at: number;
}

const promptOf = ({ prompt, session }: Asked) =>
  Array.from({ length: prompt }, (_, i) => (i * 7 + session.length * 3 + session.charCodeAt(0)) % V);

const openOf = (asked: Asked): OpenFrame => ({
  type: "open",
  version: PROTOCOL_VERSION,
  model: "scripted",
  vocabulary: "scripted-vocabulary",
  session: asked.session,
  tenant: asked.tenant,
  keep: 0,
  keepHash: "",
  prompt: promptOf(asked),
  sampling: GREEDY,
  rule: { kind: "exact" },
  patience: 0,
  maxTokens: asked.maxTokens,
  stop: [],
});

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

interface Answered {
  readonly tokens: readonly number[];
  readonly ms: number;
  readonly error: unknown;
}

/** Sends each at its time, with right and wrong drafts if asked. */
async function answers(gateway: Gateway, now: () => number, all: readonly Asked[], drafts = false) {
  const random = seeded(all.length);
  const one = async (asked: Asked): Promise<Answered> => {
    await sleep(asked.at);
    const began = now();
    const open = openOf(asked);
    const generation = gateway.generation(open);
    const tokens: number[] = [];
    const truth = reference(open.prompt, GREEDY, asked.maxTokens, []).tokens;
    try {
      await gateway.run(generation, (verdict) => {
        tokens.push(...verdict.tokens);
        if (!drafts || random() < 0.3) return;
        const ahead = truth.slice(tokens.length, tokens.length + 5);
        const draft = ahead.map((id) => (random() < 0.8 ? id : (id + 1) % V));
        generation.draft({ position: open.prompt.length + tokens.length, tokens: draft });
      });
      return { tokens, ms: now() - began, error: null };
    } catch (error) {
      return { tokens, ms: now() - began, error };
    }
  };
  return Promise.all(all.map(one));
}

const gatewayOf = (engine: ScriptedEngine, now: () => number, options: Partial<GatewayOptions> = {}) =>
  new Gateway(engine, { token: null, ...DEFAULT_LIMITS, queueMs: 1e9, now, ...options });

const asked = fc.record({
  tenant: fc.constantFrom("a", "b", "c"),
  prompt: fc.integer({ min: 1, max: 60 }),
  maxTokens: fc.integer({ min: 1, max: 60 }),
  at: fc.integer({ min: 0, max: 400 }),
});

describe("an engine that is too small for all", () => {
  test("every text is that of the target alone, all end, and no page too many is held", async () => {
    const setting = fc.record({
      all: fc.array(asked, { minLength: 1, maxLength: 10 }),
      capacity: fc.integer({ min: 15, max: 30 }),
      live: fc.integer({ min: 1, max: 5 }),
      serial: fc.boolean(),
      drafts: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(setting, async ({ all, capacity, live, serial, drafts }) => {
        await virtually(async (now) => {
          const engine = new PagedEngine(capacity, serial);
          engine.stepMs = 3;
          const gateway = gatewayOf(engine, now, { live, kept: 12 });
          const named = all.map((each, i) => ({ ...each, session: `${String.fromCharCode(97 + i)}` }));
          const got = await answers(gateway, now, named, drafts);
          const wanted = named.map((each) => reference(promptOf(each), GREEDY, each.maxTokens, []).tokens);
          expect(got.map(({ tokens, error }) => ({ tokens, error }))).toEqual(
            wanted.map((tokens) => ({ tokens, error: null })),
          );
          expect(gateway.counts.live).toBe(0);
          await gateway.close();
          expect(engine.sequences).toBe(0);
        });
      }),
      { numRuns: 60, seed: 25 },
    );
  });

  test("the same where a sequence costs as much as any other, so that giving way closes it", async () => {
    await virtually(async (now) => {
      const engine = new ScriptedEngine();
      engine.stepMs = 3;
      engine.capabilities = { ...engine.capabilities, capacity: 2, cost: () => 1 };
      const gateway = gatewayOf(engine, now, { live: 2, kept: 2 });
      const greedy = Array.from({ length: 6 }, (_, i) => ({ ...LONG, session: `g${i}` }));
      const all = [...greedy, { ...SHORT, session: "m", at: 100 }];
      const got = await answers(gateway, now, all);
      for (const [i, each] of all.entries()) {
        expect(got[i]!.tokens).toEqual(reference(promptOf(each), GREEDY, each.maxTokens, []).tokens);
      }
      // It did not wait for one of the long answers to end.
      expect(got.at(-1)!.ms).toBeLessThan(LONG.maxTokens * engine.stepMs);
    });
  });

  test("one answer without an end does not keep out a short one", async () => {
    await virtually(async (now) => {
      const engine = new PagedEngine(32, true);
      engine.stepMs = 10;
      const gateway = gatewayOf(engine, now, { queueMs: 10_000 });
      const got = await answers(gateway, now, [
        { tenant: "", session: "long", prompt: 16, maxTokens: 32 * PAGE - 16, at: 0 },
        { tenant: "", session: "hi", prompt: 2, maxTokens: 3, at: 1000 },
      ]);
      expect(got.map(({ error }) => error)).toEqual([null, null]);
      expect(got[1]!.ms).toBeLessThan(200);
    });
  });
});

const LONG: Asked = { tenant: "greedy", session: "", prompt: 30, maxTokens: 400, at: 0 };
const SHORT: Asked = { tenant: "modest", session: "", prompt: 10, maxTokens: 40, at: 0 };

describe("tenants", () => {
  /** Of a modest tenant's 6 answers, the time in ms of the slowest. */
  const slowest = (serial: boolean, greedy: number, tenant = "greedy") =>
    virtually(async (now) => {
      const engine = serial ? new PagedEngine(400, true) : new ScriptedEngine();
      engine.stepMs = 10;
      const gateway = gatewayOf(engine, now, { live: 8, kept: 32 });
      const modest = Array.from({ length: 6 }, (_, i) => ({ ...SHORT, session: `m${i}`, at: 500 + 1000 * i }));
      const crowd = Array.from({ length: greedy }, (_, i) => ({ ...LONG, maxTokens: 100, tenant, session: `g${i}` }));
      const got = await answers(gateway, now, [...modest, ...crowd]);
      expect(got.filter(({ error }) => error !== null)).toEqual([]);
      return Math.max(...got.slice(0, modest.length).map(({ ms }) => ms));
    });

  test.each([
    ["passes take turns", true],
    ["passes share the engine", false],
  ])("where %s, a modest one waits at most twice as long beside a greedy one as alone", async (_, serial) => {
    const alone = await slowest(serial, 0);
    const beside = await slowest(serial, 16);
    expect(beside).toBeLessThanOrEqual(2 * alone);
    // First come, first served is what they get where both are one tenant.
    expect(await slowest(serial, 16, "modest")).toBeGreaterThan(2 * alone);
  });

  test("share what there is: two that always ask get half each, however many answers each opens", async () => {
    await virtually(async (now) => {
      const engine = new PagedEngine(400, true);
      engine.stepMs = 10;
      const served: Record<string, number> = { few: 0, many: 0 };
      const gateway = gatewayOf(engine, now, { live: 16, kept: 32 });
      const run = (tenant: string, session: string) => {
        const generation = gateway.generation(openOf({ ...LONG, tenant, session }));
        return gateway.run(generation, () => {
          served[tenant]!++;
          if (now() > 10_000) generation.leave();
        });
      };
      await Promise.all([run("few", "f"), ...Array.from({ length: 9 }, (_, i) => run("many", `m${i}`))]);
      // The one answer of `few` ends after 400 tokens; until then it had every other pass.
      expect(served.few).toBe(400);
      expect(served.many).toBeGreaterThan(350);
    });
  });
});
