/**
 * The sacred property on the real model and the real path: client → workerd → Durable Object → WebSocket → origin. For
 * prompts of twelve kinds, greedy and sampled, the text is the one that the target writes alone, whatever the draft
 * does. Everything that does not need the real model is tried in thousands of ways on models/tiny and on a scripted
 * language (test/README.md).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { squeezeModel } from "../../src/tools/compress/squeeze.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { ask, type ChatAnswer, type ChatOptions, chat } from "../support/chat.ts";
import { type FaultProxy, faultProxy } from "../support/fault-proxy.ts";
import { prepare } from "../support/prepared.ts";
import { startOrigin } from "../support/service.ts";
import { type Running, start } from "../workerd/harness.ts";

const MODES = [
  { name: "greedy", temperature: 0, seed: 0 },
  { name: "temperature 0.8, seed 7", temperature: 0.8, seed: 7 },
] as const;

/**
 * A fact, verse, translation, a sum, code, text that repeats itself, a list, Chinese, emoji, markup, odd spaces, one
 * letter.
 */
const KINDS = [0, 3, 5, 7, 10, 15, 16, 38, 40, 42, 43, 49].map((n) => PROMPTS[n]!);

let scratch: string;
let origin: Awaited<ReturnType<typeof startOrigin>>;
let proxy: FaultProxy;
let edge: Running;
let garbageEdge: Running;
/** Without weights: all that it drafts is copied. */
let copyingEdge: Running;
let embedded: Running;
const alone = new Map<string, ChatAnswer>();

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "outrider-real-"));
  const { target, draft } = await prepare();
  // One block of thirty proposes noise, with full confidence in some of it.
  const recipe = { model: "garbage", stages: [{ stage: "prune-depth" as const, keep: [29] }] };
  const garbage = join(scratch, "garbage");
  await squeezeModel({ model: target, recipe, out: garbage });
  origin = await startOrigin(target);
  proxy = await faultProxy(Number(new URL(origin.url).port));
  // On a processor drafts save no time, and none would be made.
  const edgeVars = { ORIGIN_URL: `http://127.0.0.1:${proxy.port}`, PREFER: "passes" };
  [edge, garbageEdge, copyingEdge, embedded] = await Promise.all([
    start({ packs: { target, draft }, withOrigin: false, edge: edgeVars }),
    start({ packs: { target, draft: garbage }, withOrigin: false, edge: edgeVars }),
    start({ packs: { target, draft: null }, withOrigin: false, edge: edgeVars }),
    start({ packs: { target, draft } }),
  ]);
  for (const mode of MODES) {
    await fourAtATime(KINDS, async (prompt) => {
      alone.set(mode.name + prompt, await answer(edge, prompt, mode, { draft: "off" }));
    });
  }
});

afterAll(async () => {
  await Promise.all([edge, garbageEdge, copyingEdge, embedded].map((service) => service?.close()));
  await proxy?.close();
  await origin?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Four at a time: while the origin verifies for one, the edge drafts for others. */
async function fourAtATime<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

const answer = (
  service: Running,
  prompt: string,
  mode: (typeof MODES)[number],
  outrider: Readonly<Record<string, unknown>>,
  options: Pick<ChatOptions, "maxTokens" | "prediction"> = {},
): Promise<ChatAnswer> =>
  chat(service.url, ask(prompt), { ...mode, ...options, session: `lossless-${KINDS.indexOf(prompt)}`, outrider });

function expectSame(actual: ChatAnswer, mode: string, prompt: string): void {
  const { text, finish } = alone.get(mode + prompt) as ChatAnswer;
  expect({ text: actual.text, finish: actual.finish }, prompt).toEqual({ text, finish });
}

interface Way {
  readonly name: string;
  readonly where: () => Running;
  readonly outrider: Readonly<Record<string, unknown>>;
  /** Every prompt in both modes, instead of half of them greedy and the other half sampled. */
  readonly all?: true;
}

const WAYS: readonly Way[] = [
  { name: "draft model", where: () => edge, outrider: { draft: "model" } },
  { name: "lookup", where: () => edge, outrider: { draft: "lookup" } },
  { name: "both", where: () => edge, outrider: { draft: "both" }, all: true },
  {
    name: "a drafter that proposes garbage",
    where: () => garbageEdge,
    outrider: { draft: "model", patience_ms: 10_000, max_draft: 4 },
  },
  { name: "patience 10000", where: () => edge, outrider: { draft: "both", patience_ms: 10_000, max_draft: 8 } },
];

describe.each(MODES)("$name: the text is the target's own with", (mode) => {
  // Of most ways every other prompt: greedy these, sampled those.
  const half = KINDS.filter((_, n) => n % MODES.length === MODES.indexOf(mode));

  test.each(WAYS)("$name", async ({ where, outrider, all }) => {
    let drafted = 0;
    let kept = 0;
    await fourAtATime(all ? KINDS : half, async (prompt) => {
      const actual = await answer(where(), prompt, mode, outrider);
      expectSame(actual, mode.name, prompt);
      drafted += actual.timings.draft_n;
      kept += actual.timings.draft_n_accepted;
    });
    expect(drafted, "drafts were sent").toBeGreaterThan(0);
    if (outrider.patience_ms === 10_000 && outrider.draft === "both") expect(kept, "and kept").toBeGreaterThan(20);
  });

  // Without patience time is what counts, and an edge asks for as many positions as save some: on a processor few, and
  // on a fast one none, so drafts are sent and need not be scored. With a millisecond passes count and all that came
  // in time is scored. Copies of the whole answer take no time to make, and a pass takes longer than their way.
  test("next to no patience", async () => {
    let sent = 0;
    let verified = 0;
    await fourAtATime(KINDS, async (prompt) => {
      const asked = { maxTokens: 40 };
      const { text, finish } = await answer(edge, prompt, mode, { draft: "off" }, asked);
      const copies = { ...asked, prediction: text };
      const modelled = await answer(edge, prompt, mode, { draft: "model", patience_ms: 0 }, asked);
      const copied = await answer(copyingEdge, prompt, mode, { patience_ms: 0 }, copies);
      const scored = await answer(copyingEdge, prompt, mode, { patience_ms: 1 }, copies);
      for (const drafted of [modelled, copied, scored]) {
        expect({ text: drafted.text, finish: drafted.finish }, prompt).toEqual({ text, finish });
      }
      sent += copied.timings.draft_n;
      verified += scored.timings.draft_n_judged;
    });
    expect(sent, "copied tokens that were sent").toBeGreaterThan(0);
    expect(verified, "positions verified, so drafts that came in time").toBeGreaterThan(KINDS.length);
  });

  test("the socket to the origin cut in the middle, and restored", async () => {
    const before = proxy.connections;
    for (const [i, prompt] of half.entries()) {
      proxy.plan("cut", 1 + (i % 3));
      expectSame(await answer(edge, prompt, mode, { draft: "both", patience_ms: 500 }), mode.name, prompt);
    }
    // Answers of very few tokens end before the planned frame; then the next one is cut instead.
    expect(proxy.connections - before, "connections").toBeGreaterThan(half.length * 1.5);
  });

  test("the embedded origin, in the same workerd", async () => {
    await fourAtATime(half, async (prompt) => {
      expectSame(await answer(embedded, prompt, mode, { draft: "both", max_draft: 4 }), mode.name, prompt);
    });
  });
});
