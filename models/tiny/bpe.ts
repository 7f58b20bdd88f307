/**
 * Learns a small byte-level BPE from a text (Sennrich et al. 2016; byte alphabet and split as in GPT-2, digits apart as
 * in SmolLM2). Ties go to the pair that sorts first, so the same text gives the same table everywhere.
 */

/** What GPT-2 splits text into before merging; with each digit on its own. */
const SPLIT = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

interface Bpe {
  /** Token texts in GPT-2's printable byte alphabet; the index is the id. */
  readonly tokens: readonly string[];
  /** "left right", in the order to apply them. */
  readonly merges: readonly string[];
}

/** `special` tokens first, then the 256 bytes, then one token for each of `merges` merges. */
export function learnBpe(text: string, special: readonly string[], merges: number): Bpe {
  const alphabet = byteAlphabet();
  const words = new Map<string, { parts: string[]; count: number }>();
  for (const [word] of text.matchAll(SPLIT)) {
    const known = words.get(word);
    if (known) known.count++;
    else words.set(word, { parts: Array.from(new TextEncoder().encode(word), (byte) => alphabet[byte]!), count: 1 });
  }
  const learned: string[] = [];
  const tokens = [...special, ...alphabet];
  while (learned.length < merges) {
    const pair = commonestPair([...words.values()]);
    const [left, right] = pair.split(" ") as [string, string];
    learned.push(pair);
    tokens.push(left + right);
    for (const word of words.values()) word.parts = merge(word.parts, left, right);
  }
  return { tokens, merges: learned };
}

function commonestPair(words: readonly { parts: string[]; count: number }[]): string {
  const counts = new Map<string, number>();
  for (const { parts, count } of words) {
    for (let n = 1; n < parts.length; n++) {
      const pair = `${parts[n - 1]} ${parts[n]}`;
      counts.set(pair, (counts.get(pair) ?? 0) + count);
    }
  }
  const best = Math.max(...counts.values());
  return [...counts.keys()].filter((pair) => counts.get(pair) === best).sort()[0]!;
}

function merge(parts: readonly string[], left: string, right: string): string[] {
  const merged: string[] = [];
  for (let n = 0; n < parts.length; n++) {
    if (parts[n] === left && parts[n + 1] === right) {
      merged.push(left + right);
      n++;
    } else merged.push(parts[n]!);
  }
  return merged;
}

/** GPT-2's name of each byte: itself where it prints, else the next free letter from U+0100 on. */
function byteAlphabet(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const prints = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(prints ? byte : next++);
  });
}
