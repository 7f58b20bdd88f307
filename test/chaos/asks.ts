/** What clients ask: a few conversations of three turns, whose answers are known before anything goes wrong. */
import { seeded } from "../support/random.ts";

/** What the undisturbed answer was. */
export interface Right {
  readonly text: string;
  readonly tokens: readonly number[];
}

export interface Ask {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly stream: boolean;
  readonly temperature: number;
  readonly seed: number;
  readonly max_tokens: number;
  readonly outrider: object;
}

const LONG = "The wagons left at dawn and the road went north along the river. ".repeat(5);
const SCRIPTS = [
  { turns: ["What did the riders see?", "And then?", "Who told you?"], temperature: 0, seed: 0 },
  { turns: [`${LONG} Where do they sleep?`, "Why there?", "Who keeps watch?"], temperature: 0.8, seed: 7 },
  { turns: [`${LONG}${LONG} Tell on.`, "Tell more.", "And the end?"], temperature: 0, seed: 0 },
  { turns: ["Hello", "What is a river?", "Is it deep?"], temperature: 0.6, seed: 99 },
] as const;
const MAX_TOKENS = 28;

export const CONVERSATIONS = SCRIPTS.length;
export const TURNS = 3;

/**
 * The request of a turn. How it drafts, waits and reads changes the way and never the text.
 *
 * @param said the answers to the turns before
 */
export function askOf(conversation: number, turn: number, said: readonly Right[], seed: number): Ask {
  const { turns, temperature, seed: sampling } = SCRIPTS[conversation]!;
  const random = seeded(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  return {
    model: "tiny",
    messages: turns
      .slice(0, turn + 1)
      .flatMap((content, i) => [
        { role: "user", content },
        ...(i < turn ? [{ role: "assistant", content: said[i]!.text }] : []),
      ]),
    stream: random() < 0.7,
    temperature,
    seed: sampling,
    max_tokens: MAX_TOKENS,
    outrider: {
      trace: true,
      draft: one(["both", "model", "lookup", "off"]),
      ...(random() < 0.5 && { patience_ms: one([0, 20, 200]) }),
    },
  };
}
