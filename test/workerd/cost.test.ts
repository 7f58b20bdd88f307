/** What an answer's account says of its cost, the budget of CPU, and to whom cached tokens are told. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { usd } from "../../src/edge/bill/prices.ts";
import { ratesOf, rowsWritten, storedBytes, usageOf } from "../../src/edge/bill/using.ts";
import type { Generation } from "../../src/edge/prompt/generation.ts";
import { sessionName } from "../../src/edge/tenant/tenant.ts";
import { type TinyOrigin, tinyOrigin } from "../support/tiny-origin.ts";
import { type Answer, answerOf, start } from "./harness.ts";
import { type Recording, startRecording } from "./recording.ts";

/** What Miniflare writes down itself, in each object: a table. */
const MINIFLARE = { rows: 3, bytes: 4096 };
/** An object's end is a row that SQLite does not count. */
const ALARM = 1;

let origin: TinyOrigin;
beforeAll(async () => {
  origin = await tinyOrigin();
});
afterAll(() => origin?.close());

const WORDS = { temperature: 0.8, seed: 5, max_tokens: 40 };

async function ask(url: string, prompt: readonly number[] | string, fields: object = {}, headers: object = {}) {
  const body = { model: "tiny", prompt, ...WORDS, ...fields };
  const all = { "content-type": "application/json", "x-session-affinity": "one", ...headers };
  return answerOf(fetch(`${url}/v1/completions`, { method: "POST", headers: all, body: JSON.stringify(body) }));
}

/** Ids that the tiny model knows. */
const ids = (length: number, from: number) => Array.from({ length }, (_, i) => 40 + ((i * 7 + from) % 60));
const near = (counted: number) => ({ least: counted * 0.9, most: counted * 1.1 });

function expectNear(computed: number, counted: number): void {
  const { least, most } = near(counted);
  expect(computed).toBeGreaterThanOrEqual(least);
  expect(computed).toBeLessThanOrEqual(most);
}

describe("the arithmetic of cost, against rows, bytes and steps that workerd counted", () => {
  let run: Recording;
  let name: string;
  const turns: { answer: Answer; rows: number; bytes: number; pages: number; pageBytes: number }[] = [];

  beforeAll(async () => {
    run = await startRecording({ ORIGIN_URL: origin.url, SHOW_CACHED: "true" });
    name = await sessionName("open:", "one", { model: "tiny" } as Generation);
    const outrider = { draft: "model", patience_ms: 10_000, trace: true };
    let prompt = ids(150, 0);
    for (let turn = 0; turn < 4; turn++) {
      const answer = await ask(run.url, prompt, { outrider });
      const { rows, bytes, tables } = await run.stored(name);
      const [page] = tables.includes("pages")
        ? await run.sql(name, "SELECT count(*) AS pages, max(length(bytes)) AS bytes FROM pages")
        : [{ pages: 0, bytes: 0 }];
      turns.push({ answer, rows, bytes, pages: Number(page!.pages), pageBytes: Number(page!.bytes) });
      prompt = [...prompt, ...answer.outrider.tokens.map(({ id }) => id), ...ids(50, turn)];
    }
  });
  afterAll(() => run?.close());

  /** All tokens at the end of a turn. */
  const tokensOf = (turn: number) => turns[turn]!.answer.usage.total_tokens;

  test("rows and bytes of a single turn", () => {
    const { rows, bytes } = turns[0]!;
    const stored = { first: true, turns: 1, tokens: tokensOf(0), pages: 0, pageBytes: 0 };
    // A row is left to be deleted: the timeline.
    expectNear(rowsWritten(stored), rows - MINIFLARE.rows + ALARM + 1);
    expectNear(storedBytes(stored), bytes - MINIFLARE.bytes);
  });

  test("rows and bytes of a conversation", () => {
    const { pages, pageBytes, bytes } = turns.at(-1)!;
    expect(pages).toBe(Math.floor((tokensOf(3) - 1) / 32));
    const stored = { first: true, turns: turns.length, tokens: tokensOf(3), pages, pageBytes };
    const rows = turns.reduce((sum, turn) => sum + turn.rows, 0);
    // The end is put off after a minute at the earliest: these turns set it twice, for two hours and for a day.
    const unset = turns.length - 2;
    expectNear(rowsWritten(stored) - unset * ALARM, rows - MINIFLARE.rows + 2 * ALARM + 1 + pages);
    expectNear(storedBytes(stored), bytes - MINIFLARE.bytes);
  });

  test.each([0, 1, 2, 3])("what the account of turn %i says", (turn) => {
    const { answer, rows, bytes, pages, pageBytes } = turns[turn]!;
    const { timings, usage } = answer;
    const cost = answer.outrider.cost!;
    // Steps, as the round has counted them: each was verified or thrown away.
    expectNear(cost.draft_step_n, timings.draft_n_judged + timings.draft_n_thrown);
    const before = turns[turn - 1];
    const read = usage.prompt_tokens - answer.outrider.draft_cache_n;
    expect(cost.draft_prefill_n).toBeGreaterThanOrEqual(read - 8);
    expect(cost.draft_prefill_n).toBeLessThanOrEqual(read + usage.completion_tokens);
    const written = rows - (before ? 0 : MINIFLARE.rows) + (turn < 2 ? ALARM : 0);
    const deleted = before ? pages - before.pages : 1;
    // An end that is not put off, and the table of pages that the second turn makes.
    const apart = (turn < 2 ? 0 : 1) - (turn === 1 ? 2 : 0);
    expect(cost.rows_written).toBe(written + deleted + apart);
    expect(Math.abs(cost.stored_bytes - (bytes - (before?.bytes ?? MINIFLARE.bytes)))).toBeLessThanOrEqual(
      0.1 * bytes + 2 * 4096,
    );
    const counted = usageOf({
      seconds: (timings.prompt_ms + timings.predicted_ms) / 1000,
      passes: timings.target_passes,
      cpuMs: cost.cpu_ms,
      stored: { first: !before, turns: 1, tokens: usage.total_tokens, pages: pages - (before?.pages ?? 0), pageBytes },
      hours: turn === 0 ? 2 : 24,
    });
    expectNear(cost.usd_per_million_tokens, (1e6 * usd(counted)) / usage.completion_tokens);
  });
});

describe("a budget of CPU", () => {
  test("that is spent ends drafting, and never changes a word", async () => {
    const [free, tight, none] = await Promise.all([
      start(),
      start({ edge: { CPU_MS: "200" } }),
      start({ edge: { CPU_MS: "0" } }),
    ]);
    try {
      for (const draft of ["model", "both"]) {
        const fields = { max_tokens: 600, outrider: { draft, patience_ms: 1000 } };
        const answers = await Promise.all([free, tight, none].map(({ url }) => ask(url, "Hello", fields)));
        expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
        const [whole, some, nothing] = answers.map(({ outrider }) => outrider.cost!);
        expect([whole!.cpu_spent, some!.cpu_spent, nothing!.cpu_spent]).toEqual([undefined, true, true]);
        expect(nothing!.draft_step_n).toBe(0);
        expect(some!.draft_step_n).toBeLessThan(whole!.draft_step_n);
      }
    } finally {
      await Promise.all([free, tight, none].map((run) => run.close()));
    }
  });

  test("that says nothing is refused in words", async () => {
    const wrong = await start({ edge: { CPU_MS: "much" } });
    try {
      await expect(ask(wrong.url, "Hello")).rejects.toThrow(/CPU_MS is "much"/);
    } finally {
      await wrong.close();
    }
  });
});

describe("how many tokens of a prompt were cached", () => {
  const guesses = ["my pin is 4711 and my dog is Rex", "my pin is 4799 and my dog is Rex"];

  test("an API that is open to everybody does not tell", async () => {
    const open = await start({ edge: { SHOW_CACHED: "" } });
    try {
      await ask(open.url, guesses[0]!);
      for (const guess of guesses) {
        const { usage, timings, outrider } = await ask(open.url, guess);
        expect(usage.prompt_tokens_details.cached_tokens).toBe(0);
        expect([timings.cache_n, timings.prompt_n, outrider.draft_cache_n]).toEqual([0, usage.prompt_tokens, 0]);
        // Its counts would tell as well.
        expect(outrider.cost).toBeUndefined();
      }
    } finally {
      await open.close();
    }
  });

  test("who shares a key is told", async () => {
    const keyed = await start({ edge: { SHOW_CACHED: "", API_KEYS: "alpha" } });
    try {
      const headers = { authorization: "Bearer alpha" };
      await ask(keyed.url, guesses[0]!, {}, headers);
      const { usage, outrider } = await ask(keyed.url, guesses[0]!, {}, headers);
      expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
      expect(outrider.cost).toBeDefined();
    } finally {
      await keyed.close();
    }
  });
});

test("reading and drafting have the rates that the budget counts by", () => {
  expect(ratesOf(4)).toEqual({ stepMs: 4, readMs: 2 });
});
