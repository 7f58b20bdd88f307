/**
 * Long prompts whose continuation needs their beginning, from what a clone has: documents and sources of packages that
 * npm installs (MIT and Apache-2.0), and conversations with the target.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { ChatTemplate } from "../../../src/core/model/chat.ts";
import { Tokenizer } from "../../../src/core/model/tokenizer.ts";
import { GREEDY } from "../../../src/core/speculate/types.ts";
import { Recordings } from "../../../src/origin/engines/recordings.ts";
import { greedyQuestions } from "../recorded-questions.ts";
import type { Kind, LongPair } from "./pairs.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

/** A file, or all files of a folder by their names. */
const text = (place: string): string => {
  const whole = path.join(ROOT, place);
  const files = statSync(whole).isDirectory()
    ? readdirSync(whole)
        .sort()
        .map((file) => path.join(whole, file))
    : [whole];
  return files.map((file) => readFileSync(file, "utf8")).join("\n");
};

/** One row of each for every prompt of a length; the last ones are long enough for 32,000 tokens. */
const DOCUMENTS = [
  "node_modules/undici/docs/docs/api/Dispatcher.md",
  "node_modules/openai/README.md",
  "node_modules/fast-check/README.md",
  "node_modules/undici/docs/docs/api",
];
const SOURCES = [
  "node_modules/zod/src/v4/classic/schemas.ts",
  "node_modules/undici/lib/dispatcher/client-h1.js",
  "node_modules/undici/lib/web/fetch/index.js",
  "node_modules/zod/src/v4/core/schemas.ts",
];

export interface LongPrompt {
  readonly kind: Kind;
  readonly length: number;
  readonly prompt: readonly number[];
}

/** One prompt of each kind and length a source, the short ones first. */
export async function longPrompts({ draft, kinds, lengths, answers }: LongPair): Promise<LongPrompt[]> {
  const read = (name: string) => text(path.join(path.relative(ROOT, draft), name));
  const tokenizer = new Tokenizer(read("tokenizer.json"));
  const template = new ChatTemplate(read("tokenizer_config.json"), tokenizer);
  const turns = kinds.includes("conversation") ? await recordedTurns(template, tokenizer, answers) : [];
  const makers: Record<Kind, (length: number, n: number) => number[]> = {
    document: (length, n) => aboutDocument(template, tokenizer, DOCUMENTS[n]!, length),
    code: (length, n) => cutTo(tokenizer, text(SOURCES[n]!), length),
    conversation: (length, n) => manyTurns(template, turns, length, n),
  };
  return lengths.flatMap((length) =>
    DOCUMENTS.flatMap((_, n) =>
      kinds.map((kind): LongPrompt => ({ kind, length, prompt: makers[kind](length, n) })),
    ).filter(({ prompt }) => prompt.length > length - 400),
  );
}

const cutTo = (tokenizer: Tokenizer, whole: string, length: number): number[] =>
  [...tokenizer.encode(whole.slice(0, length * 12))].slice(0, length);

/** What the question adds to a document. */
const QUESTION_TOKENS = 120;

function aboutDocument(template: ChatTemplate, tokenizer: Tokenizer, file: string, length: number): number[] {
  const whole = text(file);
  const [, first = "its subject"] = /^#+ (.+)$/m.exec(whole) ?? [];
  const document = tokenizer.decode(cutTo(tokenizer, whole, length - QUESTION_TOKENS));
  const question = `What does the beginning of this document say about "${first}"? Explain it in detail.`;
  return template.encode([{ role: "user", content: `Read this document.\n\n${document}\n\n${question}` }]);
}

interface Turn {
  readonly question: string;
  readonly answer: string;
}

async function recordedTurns(template: ChatTemplate, tokenizer: Tokenizer, answers: string): Promise<Turn[]> {
  const recordings = await Recordings.read(answers);
  return greedyQuestions().flatMap((question) => {
    const answer = recordings.find(template.encode([{ role: "user", content: question }]), GREEDY)?.answer;
    return answer ? [{ question, answer: tokenizer.decode(answer.slice(0, 160)) }] : [];
  });
}

/** Turns of recorded questions and answers, another order for each n, and a last one that goes back to the first. */
function manyTurns(template: ChatTemplate, turns: readonly Turn[], length: number, n: number): number[] {
  const rotated = turns.map((_, i) => turns[(i * 7 + n * 11) % turns.length]!);
  const back = {
    role: "user",
    content: "Go back to my very first question, and answer it again with more details and an example.",
  };
  let prompt: number[] = [];
  for (let count = 1; count <= rotated.length; count++) {
    const messages = rotated.slice(0, count).flatMap(({ question, answer }) => [
      { role: "user", content: question },
      { role: "assistant", content: answer },
    ]);
    const longer = template.encode([...messages, back]);
    if (longer.length > length) break;
    prompt = longer;
  }
  return prompt;
}
