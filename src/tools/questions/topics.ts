/**
 * Things to ask about, from topics.json. Every list is short on purpose: products of several of them are what makes
 * questions many.
 */
import { readWords } from "./words.ts";

interface Topics
  extends Readonly<
    Record<
      "TOPICS" | "PEOPLE" | "PLACES" | "THINGS" | "TRADES" | "FAMOUS" | "COUNTRIES" | "PROGRAMS",
      readonly string[]
    >
  > {
  /** Parts of German sentences: subject; verb, object or place; ending. */
  readonly GERMAN: Readonly<Record<"subjects" | "middles" | "ends", readonly string[]>>;
}

export const { TOPICS, PEOPLE, PLACES, THINGS, TRADES, FAMOUS, COUNTRIES, PROGRAMS, GERMAN } =
  readWords<Topics>("topics.json");
