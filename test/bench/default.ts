/**
 * `npm run bench default`: what a user of `npm start` gets, default against `"outrider": {"draft": "off"}`. The service
 * is started exactly so: npm, wrangler, workerd with the edge and the target beside it. Five questions, greedy, each
 * asked in both ways one after the other.
 *
 *   npm run bench default -- [--quick] [--rounds 6] [--tokens 96] [--url URL] [-- options of start]
 *
 * The figures are of a client that reads the stream. Ratios are medians over pairs of answers. --url asks a service
 * that runs already. The last line is JSON. Close other programs.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { npmStart } from "../support/service.ts";
import { FIVE_QUESTIONS } from "./questions.ts";
import { chatStream, type Streamed } from "./stream-client.ts";
import { summarise } from "./tables.ts";

/** What is asked of the service beside the question; `waits` asks for drafts at any price. */
const WAYS = { default: {}, off: { draft: "off" }, waits: { patience_ms: 10_000 } } as const;
type Way = keyof typeof WAYS;

/** Reads long before its first token: about 900 tokens. */
const SENTENCE = "The water cycle moves water from the sea to the air, from the air to the land, and back to the sea. ";
const LONG_QUESTION = `Summarise in one sentence: ${SENTENCE.repeat(36)}`;

/** Medians over all answers of one way. */
interface WayFigures {
  /** Tokens a second from the first token to the last. */
  readonly tokens_per_second: number;
  /** From the question to the first token, ms. */
  readonly first_token_ms: number;
  /** Between two arrivals of text, ms: the median, and what one in twenty exceeds. */
  readonly gap_ms: number;
  readonly gap_95_ms: number;
  /** Target passes per token after the first. */
  readonly passes_per_token: number;
  /** Draft tokens sent per answer. */
  readonly drafted: number;
}

interface AgainstOff {
  /** Median over the pairs of answers of tokens a second with the default ÷ with drafts off. */
  readonly default_vs_off: number;
  /** The same of the whole time, from the question to the last token. */
  readonly whole_vs_off: number;
  /** The same of the time to the first token, which is better where it is smaller. */
  readonly first_token_vs_off: number;
  readonly lowest_pair: number;
  /** To the first token of a long prompt, ms: median of each way, and the worse of the others ÷ off. */
  readonly long_prompt: Readonly<Record<Way, number>>;
  readonly long_first_token_vs_off: number;
  readonly default: WayFigures;
  readonly off: WayFigures;
}

interface Options {
  readonly rounds: number;
  /** Tokens of an answer at most. */
  readonly tokens: number;
  readonly model?: string;
  progress(line: string): void;
}

/** Asks all questions `rounds` times in both ways. The first question is asked once more before anything counts. */
async function againstOff(url: string, options: Options): Promise<AgainstOff> {
  const { rounds, tokens, model, progress } = options;
  let asked = 0;
  const answer = (question: string, way: Way, most = tokens): Promise<Streamed> =>
    chatStream(url, question, {
      session: `bench-${Date.now()}-${asked++}`,
      maxTokens: most,
      outrider: WAYS[way],
      ...(model !== undefined && { model }),
    });
  const all: Readonly<Record<"default" | "off", Streamed[]>> = { default: [], off: [] };
  const long: Readonly<Record<Way, number[]>> = { default: [], off: [], waits: [] };
  for (const way of ["off", "default"] as const) await answer(FIVE_QUESTIONS[0]!, way);
  for (let round = 0; round < rounds; round++) {
    for (const [n, question] of FIVE_QUESTIONS.entries()) {
      const order = (round + n) % 2 === 0 ? (["off", "default"] as const) : (["default", "off"] as const);
      for (const way of order) all[way].push(await answer(question, way));
    }
    for (const way of ["off", "waits", "default"] as const) {
      long[way].push(firstOf(await answer(`${round}. ${LONG_QUESTION}`, way, 2)));
    }
    const { default: on, off } = { default: all.default.map(speedOf), off: all.off.map(speedOf) };
    progress(`round ${round + 1} of ${rounds}: ${median(on).toFixed(1)} tokens/s, off ${median(off).toFixed(1)}`);
  }
  const longPrompt = { default: median(long.default), off: median(long.off), waits: median(long.waits) };
  const ratios = (of: (streamed: Streamed) => number) => all.default.map((on, i) => of(on) / of(all.off[i]!));
  return {
    default_vs_off: rounded(median(ratios(speedOf))),
    whole_vs_off: rounded(median(ratios(wholeSpeedOf))),
    first_token_vs_off: rounded(median(ratios(firstOf))),
    lowest_pair: rounded(Math.min(...ratios(speedOf))),
    long_prompt: longPrompt,
    long_first_token_vs_off: rounded(Math.max(longPrompt.default, longPrompt.waits) / longPrompt.off),
    default: figuresOf(all.default),
    off: figuresOf(all.off),
  };
}

const firstOf = ({ arrivals, askedAt }: Streamed): number => arrivals[0]!.at - askedAt;
const speedOf = ({ arrivals, timings }: Streamed): number =>
  (1000 * (timings.predicted_n - 1)) / Math.max(1, arrivals.at(-1)!.at - arrivals[0]!.at);
const wholeSpeedOf = ({ arrivals, timings, askedAt }: Streamed): number =>
  (1000 * timings.predicted_n) / (arrivals.at(-1)!.at - askedAt);
const gapsOf = ({ arrivals }: Streamed): number[] => arrivals.slice(1).map(({ at }, i) => at - arrivals[i]!.at);
const median = (values: readonly number[]): number => summarise(values).median;
const rounded = (value: number): number => Number(value.toPrecision(4));

function figuresOf(answers: readonly Streamed[]): WayFigures {
  const gaps = answers.flatMap(gapsOf).sort((a, b) => a - b);
  const over = (of: (streamed: Streamed) => number) => rounded(median(answers.map(of)));
  return {
    tokens_per_second: over(speedOf),
    first_token_ms: over(firstOf),
    gap_ms: rounded(median(gaps)),
    gap_95_ms: rounded(gaps[Math.floor(0.95 * (gaps.length - 1))]!),
    passes_per_token: over(({ timings }) => (timings.target_passes - 1) / (timings.predicted_n - 1)),
    drafted: over(({ timings }) => timings.draft_n),
  };
}

const { values, positionals } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "6" },
    tokens: { type: "string", default: "96" },
    url: { type: "string" },
  },
  allowPositionals: true,
});
const [rounds, tokens] = values.quick ? [2, 64] : [Number(values.rounds), Number(values.tokens)];

const service = values.url === undefined ? await npmStart(positionals) : null;
try {
  const url = values.url ?? service!.url;
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: [{ id: string }] };
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const result = await againstOff(url, { rounds, tokens, model: data[0].id, progress });
  const cells = (["default", "off"] as const).map((way) => [way, ...Object.values(result[way]).map(String)]);
  console.log(textTable(["", ...Object.keys(result.off)], cells).join("\n"));
  console.log(JSON.stringify(result));
} finally {
  await service?.stop();
}
