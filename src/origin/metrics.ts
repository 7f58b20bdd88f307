/**
 * What the gateway has done since it started, in Prometheus' text format. Where llama.cpp's server has a name for a
 * figure it is used, so that its dashboards work; the rest begins with `outrider:`. Counters are plain sums, and
 * readers take rates.
 */
import type { Decision } from "../core/speculate/accept.ts";
import type { Verdict } from "../core/speculate/types.ts";

/** Draft positions that are counted one by one. */
const POSITIONS = 16;

/** Gauges, read when asked for. */
interface Gauges {
  readonly processing: number;
  readonly deferred: number;
  readonly connections: number;
  readonly kept: number;
}

export class Metrics {
  #generations = 0;
  #promptTokens = 0;
  #cachedTokens = 0;
  #engineCachedTokens = 0;
  #decided = 0;
  #passes = 0;
  #drafts = 0;
  #drafted = 0;
  #keptTokens = 0;
  readonly #keptAt = new Array<number>(POSITIONS).fill(0);
  #stepMs = 0;
  #waitMs = 0;
  #queueMs = 0;
  readonly #failures = new Map<string, number>();

  /** A generation left the queue after `queueMs`. The origin held `cached` of its prompt's tokens. */
  began(promptTokens: number, cached: number, queueMs: number): void {
    this.#generations++;
    this.#promptTokens += promptTokens - cached;
    this.#cachedTokens += cached;
    this.#queueMs += queueMs;
  }

  /** A verdict, and the engine's decision behind it. */
  passed({ kept, tokens, scored, stepMs, waitMs }: Verdict, { passes = 1, cached = 0 }: Decision): void {
    this.#engineCachedTokens += cached;
    this.#passes += passes;
    this.#decided += tokens.length;
    this.#stepMs += stepMs;
    this.#waitMs += waitMs;
    if (scored === 0) return;
    this.#drafts++;
    this.#drafted += scored;
    this.#keptTokens += kept;
    for (let i = 0; i < Math.min(kept, POSITIONS); i++) this.#keptAt[i]!++;
  }

  /** A request was refused or a generation failed. */
  failed(code: string): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  text({ processing, deferred, connections, kept }: Gauges): string {
    const lines: string[] = [];
    const put = (name: string, kind: "counter" | "gauge", help: string, value: number) =>
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, `${name} ${value}`);
    put("llamacpp:prompt_tokens_total", "counter", "Prompt tokens computed.", this.#promptTokens);
    put("llamacpp:tokens_predicted_total", "counter", "Tokens decided.", this.#decided);
    put("llamacpp:tokens_predicted_seconds_total", "counter", "Time in target passes.", this.#stepMs / 1000);
    put("llamacpp:n_decode_total", "counter", "Target passes.", this.#passes);
    put("llamacpp:requests_processing", "gauge", "Generations at work.", processing);
    put("llamacpp:requests_deferred", "gauge", "Generations that wait for others to end.", deferred);
    put("llamacpp:spec_decode_num_drafts_total", "counter", "Passes over a draft.", this.#drafts);
    put("llamacpp:spec_decode_num_draft_tokens_total", "counter", "Draft tokens scored.", this.#drafted);
    put("llamacpp:spec_decode_num_accepted_tokens_total", "counter", "Draft tokens kept.", this.#keptTokens);
    const perPosition = "llamacpp:spec_decode_num_accepted_tokens_per_pos_total";
    lines.push(`# HELP ${perPosition} Draft tokens kept, by position in the draft.`, `# TYPE ${perPosition} counter`);
    for (const [i, count] of this.#keptAt.entries()) lines.push(`${perPosition}{position="${i}"} ${count}`);
    put("outrider:prompt_tokens_cached_total", "counter", "Prompt tokens held from before.", this.#cachedTokens);
    put(
      "outrider:engine_cached_tokens_total",
      "counter",
      "Timeline tokens that passes found in the prefix cache of an engine that reports it.",
      this.#engineCachedTokens,
    );
    put("outrider:generations_total", "counter", "Generations begun.", this.#generations);
    put("outrider:draft_wait_seconds_total", "counter", "Time that passes waited for drafts.", this.#waitMs / 1000);
    put("outrider:queue_seconds_total", "counter", "Time generations waited for others to end.", this.#queueMs / 1000);
    put("outrider:connections", "gauge", "Open sockets.", connections);
    put("outrider:sequences_kept", "gauge", "Sessions whose keys and values are held.", kept);
    lines.push("# HELP outrider:failures_total Refusals and failures.", "# TYPE outrider:failures_total counter");
    for (const [code, count] of this.#failures) lines.push(`outrider:failures_total{code="${code}"} ${count}`);
    return `${lines.join("\n")}\n`;
  }
}
