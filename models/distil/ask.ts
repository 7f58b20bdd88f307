/**
 * Questions for `outrider corpus --prompts`, a line {"turns": […]} each:
 *
 *   node models/distil/ask.ts --out FILE.jsonl [--count 4000] [--seed 0] [--topics FILE] [--sentences FILE]
 *     [--passages TEXT] [--passages CORPUS.jsonl --tokenizer PACK]
 *   node models/distil/ask.ts --subject code --out FILE.jsonl [--count 4000] [--seed 0] [--snippets FILE.jsonl]
 *
 * Topics and sentences (to be translated) are a line each, passages are parted by empty lines; or what the target wrote
 * in a corpus that asked it for texts. Snippets are code to ask about, which code.ts collects.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Tokenizer } from "../../src/model/tokenizer.ts";
import { readLines } from "../../src/text/text-file.ts";
import { codeQuestions, type Snippet } from "./code-questions.ts";
import { isPassage, questions } from "./questions.ts";

/** Characters of a passage at most: two of them and a question leave room for an answer. */
const PASSAGE = 1800;

const { values } = parseArgs({
  options: {
    out: { type: "string" },
    count: { type: "string", default: "4000" },
    seed: { type: "string", default: "0" },
    topics: { type: "string" },
    sentences: { type: "string" },
    passages: { type: "string" },
    tokenizer: { type: "string" },
    subject: { type: "string", default: "general" },
    snippets: { type: "string" },
  },
});
const { out, passages, tokenizer } = values;
const written = passages !== undefined && /\.jsonl(\.gz)?$/.test(passages);
if (!out || written !== (tokenizer !== undefined)) {
  console.error("--out FILE.jsonl is needed; --passages CORPUS.jsonl goes with --tokenizer PACK, to read its answers");
  process.exit(1);
}
if (values.subject !== "general" && values.subject !== "code") {
  console.error(`--subject ${values.subject}: it is general or code`);
  process.exit(1);
}
const sources = {
  topics: partsOf(values.topics, "\n"),
  sentences: partsOf(values.sentences, "\n"),
  passages: (written && tokenizer ? await answersIn(passages, tokenizer) : partsOf(passages, "\n\n"))
    .filter(isPassage)
    .map((text) => text.slice(0, PASSAGE)),
};
const [count, seed] = [Number(values.count), Number(values.seed)];
const asked =
  values.subject === "code"
    ? codeQuestions(count, seed, values.snippets ? await readLines<Snippet>(values.snippets) : [])
    : questions(count, seed, sources);
const lines = [...asked].map((turns) => JSON.stringify({ turns }));
writeFileSync(out, `${lines.join("\n")}\n`);

function partsOf(file: string | undefined, parting: string): string[] {
  const text = file === undefined ? "" : readFileSync(file, "utf8");
  return text
    .split(parting)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

async function answersIn(corpus: string, pack: string): Promise<string[]> {
  const words = new Tokenizer(readFileSync(join(pack, "tokenizer.json"), "utf8"));
  const written = await readLines<{ answer: number[]; split: string }>(corpus);
  // A held-out answer must not be trained on as part of another's question.
  return written.filter(({ split }) => split === "train").map(({ answer }) => words.decode(answer).trim());
}
