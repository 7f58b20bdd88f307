/**
 * Texts in the order of their bytes, each character a byte. Those that begin alike lie together, so a list of them is
 * also the tree of their beginnings: a node is a range of the list and a length.
 */
const encoder = new TextEncoder();
/** Characters that are made of bytes at once. */
const AT_ONCE = 8192;
/** Bytes of memory of a text, beside its characters. */
const TEXT_BYTES = 32;

/** A text's UTF-8, a character a byte. */
export function bytesIn(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what ASCII is
  if (/^[\x00-\x7f]*$/.test(text)) return text;
  const bytes = encoder.encode(text);
  let all = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) all += String.fromCharCode(...bytes.subarray(at, at + AT_ONCE));
  return all;
}

/** Each once. */
export const sortedBytes = (texts: readonly string[]): readonly string[] => [...new Set(texts.map(bytesIn))].sort();

/** Bytes of memory. */
export const bytesOf = (texts: readonly string[]): number =>
  texts.reduce((sum, { length }) => sum + TEXT_BYTES + length, 0);

/** Of the texts [from, to), those that have `byte` behind their first `at` bytes, which they share. */
export function narrowed(
  texts: readonly string[],
  from: number,
  to: number,
  at: number,
  byte: number,
): readonly [from: number, to: number] {
  const first = firstOver(texts, from, to, at, byte - 1);
  return [first, firstOver(texts, first, to, at, byte)];
}

/** The first text whose byte at `at` is greater; a text that has none there comes first. */
function firstOver(texts: readonly string[], from: number, to: number, at: number, byte: number): number {
  let [low, high] = [from, to];
  while (low < high) {
    const middle = (low + high) >> 1;
    const text = texts[middle]!;
    if ((at < text.length ? text.charCodeAt(at) : -1) > byte) high = middle;
    else low = middle + 1;
  }
  return low;
}
