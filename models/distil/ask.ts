/** Questions for `outrider corpus --prompts`; `node models/distil/ask.ts --help` says what it takes. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { attempt } from "../../src/tools/commands/attempt.ts";
import { command } from "../../src/tools/commands/command.ts";
import { choice, text, usage, whole } from "../../src/tools/commands/options.ts";
import { codeQuestions } from "../../src/tools/questions/code-questions.ts";
import { isPassage, questions } from "../../src/tools/questions/questions.ts";
import type { Snippet } from "../../src/tools/questions/snippets.ts";
import { asLines, readLines } from "../../src/tools/text/text-file.ts";

/** Characters of a passage at most: two of them and a question leave room for an answer. */
const PASSAGE = 1800;

const askCommand = command({
  examples: [
    ["node models/distil/ask.ts --out asked.jsonl --count 8000", "questions of many kinds, from templates and lists"],
    [
      "node models/distil/ask.ts --subject code --snippets text/snippets.jsonl --out asked.jsonl",
      "questions about code, also about that which code.ts has collected",
    ],
    [
      "node models/distil/ask.ts --out asked.jsonl --passages texts.jsonl --tokenizer target-pack",
      "questions about what the target wrote in a corpus that asked it for texts",
    ],
  ],
  options: {
    out: text("FILE.jsonl", 'lines of {"turns": [text, …]}, the user\'s turns of a conversation', { required: true }),
    subject: choice(["general", "code"], "what is asked about", { default: "general" }),
    count: whole("questions", { from: 1, default: 4000 }),
    seed: whole("same seed, same questions", { from: 0, default: 0 }),
    topics: text("FILE", "topics, a line each; three subjects in four are drawn from them"),
    sentences: text("FILE", "sentences to be translated, a line each"),
    passages: text("FILE", "texts to ask about, parted by empty lines; or a corpus (.jsonl, .jsonl.gz)"),
    tokenizer: text("PACK", "with --passages of a corpus: a pack with the tokenizer of its answers"),
    snippets: text("FILE.jsonl", "with --subject code: code to ask about, which code.ts collects"),
  },
  async run({ out, subject, count, seed, topics, sentences, passages, tokenizer, snippets }) {
    const written = passages !== undefined && /\.jsonl(\.gz)?$/.test(passages);
    if (written !== (tokenizer !== undefined)) {
      throw usage("--passages with a corpus and --tokenizer go together: its answers are read");
    }
    const sources = {
      topics: partsOf(topics, "\n"),
      sentences: partsOf(sentences, "\n"),
      passages: (written && tokenizer ? await answersIn(passages, tokenizer) : partsOf(passages, "\n\n"))
        .filter(isPassage)
        .map((passage) => passage.slice(0, PASSAGE)),
    };
    const asked =
      subject === "code"
        ? codeQuestions(count, seed, snippets ? await readLines<Snippet>(snippets) : [])
        : questions(count, seed, sources);
    writeFileSync(out, asLines([...asked].map((turns) => ({ turns }))));
  },
});

function partsOf(file: string | undefined, parting: string): string[] {
  const content = file === undefined ? "" : readFileSync(file, "utf8");
  return content
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

process.exitCode = await attempt(
  "node models/distil/ask.ts",
  "Makes questions for the target to answer: of many kinds, or about code.",
  askCommand,
  process.argv.slice(2),
);
