/** One conversation with the target. The user's turns are given; each answer becomes a line. */
import type { ChatMessage } from "../../core/model/chat.ts";
import type { Author } from "./author.ts";
import type { CorpusFile } from "./corpus-file.ts";
import { answerSeed, type Line, splitOf } from "./line.ts";
import type { Question } from "./questions.ts";
import type { Target } from "./target.ts";

interface Asking {
  readonly temperature: number;
  readonly maxTokens: number;
}

/** The lines of this conversation that `file` lacks. The conversation ends early where the context is full. */
export async function converse(
  author: Author,
  target: Target,
  file: CorpusFile,
  { turns, turnSeed }: Question,
  { temperature, maxTokens }: Asking,
): Promise<Line[]> {
  const messages: ChatMessage[] = [];
  const lines: Line[] = [];
  let split: Line["split"] | undefined;
  for (const content of turns) {
    messages.push({ role: "user", content });
    const prompt = target.prompt(messages);
    split ??= splitOf(prompt);
    const room = target.context - prompt.length;
    if (room < 1) break;
    let answer = file.answer(prompt, temperature);
    if (answer === undefined) {
      const own = answerSeed(prompt, temperature);
      // A copy: the request may be sent after the conversation went on.
      const request = { prompt, messages: [...messages], temperature, seed: own, maxTokens: Math.min(maxTokens, room) };
      answer = await author.write(request);
      const from = turnSeed === undefined ? {} : { turn_seed: turnSeed };
      if (answer.length > 0) lines.push({ prompt, answer, temperature, seed: own, split, ...from });
    }
    messages.push({ role: "assistant", content: target.decode(answer) });
  }
  return lines;
}
