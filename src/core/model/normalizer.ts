/**
 * The normaliser of a `tokenizer.json`, by @huggingface/tokenizers a step at a time. A stranger's file brings it along,
 * and twenty steps that double a letter make a million of it: what comes of a step is counted, as it is of a chat
 * template (template.ts).
 */
import { OutriderError } from "./errors.ts";
import { libraryOf, stepsIn } from "./library-steps.ts";

/**
 * Characters that a text may grow to, and further ones for each of its own. Unicode's forms make up to four of nearly
 * all.
 */
const CHARS = 1 << 18;
const CHARS_A_CHAR = 4;

/** Makes a text normal. Tells a length that the text will have before it has it. */
type Step = (text: string, grow: (length: number) => void) => string;

/**
 * What makes a text normal. Throws an Error for a step that the library does not know, and for too many; what it
 * returns throws `bad_tokenizer` where a text grows too long.
 */
export function normalizerOf(config: unknown): (text: string) => string {
  const steps = stepsIn(config, "normalizers").map(stepOf);
  return (text) => {
    const most = CHARS + CHARS_A_CHAR * text.length;
    const grow = (length: number) => {
      if (length > most) throw tooLong(text.length, most);
    };
    return steps.reduce((now, step) => {
      const next = step(now, grow);
      grow(next.length);
      return next;
    }, text);
  };
}

function stepOf(step: unknown): Step {
  const own = libraryOf({ normalizer: step ?? null, pre_tokenizer: null }).normalizer;
  if (!own) return (text) => text;
  const { type, content = "" } = step as { type: unknown; content?: unknown };
  if (type !== "Replace") return (text) => own(text);
  const { pattern } = own as unknown as { pattern: RegExp | null };
  return (text, grow) => (pattern ? replaced(text, pattern, String(content), grow) : text);
}

/** Counts while it replaces. The content is text: `$&` in it has no meaning, as in the Rust library. */
function replaced(text: string, pattern: RegExp, content: string, grow: (length: number) => void): string {
  let { length } = text;
  return text.replaceAll(pattern, (match) => {
    length += content.length - match.length;
    grow(length);
    return content;
  });
}

const tooLong = (length: number, most: number) =>
  new OutriderError(
    "bad_tokenizer",
    `tokenizer.json: its normalizer makes more than ${most} characters of ${length}; use another tokenizer, or send ` +
      "less text",
  );
