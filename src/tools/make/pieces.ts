/**
 * Real code as lines of a corpus: pieces that begin and end at lines, and pieces with a hole to fill in (Bavarian et
 * al. 2022, arXiv 2207.14255). The target did not write them; teach.py asks it for its say at each place.
 */
import { type Line, splitOf } from "../corpus/line.ts";
import type { Draw } from "../questions/draw.ts";
import { blockEnd } from "../questions/snippets.ts";
import type { CodeWords } from "./code-words.ts";
import type { SourceFile } from "./source-files.ts";

/** Tokens of a piece, the tokens around a hole included. */
export const TOKENS = { low: 256, high: 640 };

/** Characters of a file's head, by which its split is drawn and the length of its tokens is judged. */
const HEAD = 1000;

export interface Piece extends Line {
  readonly kind: "code" | "fill";
  readonly origin: string;
}

/**
 * At most `most` pieces of a file, one behind the other from a line drawn by chance, each plain or with a hole. The
 * pieces of a file are all of one split, so that nothing held out is taught elsewhere in its file.
 */
export function piecesOf(file: SourceFile, most: number, words: CodeWords, draw: Draw): Piece[] {
  const { tokenizer, fill, end } = words;
  const split = splitOf(tokenizer.encode(file.text.slice(0, HEAD)));
  // Answers at temperature 0 are scored as the target's own words, which these are not.
  const base = { temperature: 1, seed: 0, split, origin: file.origin };
  return cuts(file.text, most, tokenizer, draw).map((text) => {
    const filling = fill && draw.number(1, 2) === 1 ? hole(text, draw) : undefined;
    if (!fill || !filling) return { ...plain(text, tokenizer, draw), ...base, kind: "code" };
    const { before, middle, after } = filling;
    const answer = [...tokenizer.encode(middle), end];
    return { prompt: fill.encode({ before, after, lineBehind: false }), answer, ...base, kind: "fill" };
  });
}

/** Pieces of a text, in order. One that is too short, or that holds a line of data, is left out. */
function cuts(text: string, most: number, tokenizer: CodeWords["tokenizer"], { number }: Draw): string[] {
  const lines = text.split(/(?<=\n)/);
  const head = text.slice(0, HEAD);
  const characters = head.length / tokenizer.encode(head).length;
  const pieces: string[] = [];
  let first = number(0, Math.floor(lines.length / 2));
  while (pieces.length < most && first < lines.length) {
    while (lines[first]?.trim() === "") first++;
    // So many characters have about as many tokens as are wanted; the count below is exact.
    const wanted = characters * number(TOKENS.low, TOKENS.high);
    let behind = first;
    for (let length = 0; behind < lines.length && length < wanted; behind++) length += lines[behind]!.length;
    const piece = lines.slice(first, behind).join("");
    const { length } = tokenizer.encode(piece);
    // Three tokens mark a hole and one its end.
    if (length >= TOKENS.low && length <= TOKENS.high - 4) pieces.push(piece);
    first = behind;
  }
  return pieces;
}

/** A prompt that ends at a line's end, a tenth to a half into the text, and the rest as its answer. */
function plain(text: string, tokenizer: CodeWords["tokenizer"], { number }: Draw): Pick<Line, "prompt" | "answer"> {
  const at = text.indexOf("\n", Math.floor((text.length * number(10, 50)) / 100)) + 1;
  return { prompt: tokenizer.encode(text.slice(0, at)), answer: tokenizer.encode(text.slice(at)) };
}

interface Hole {
  readonly before: string;
  readonly middle: string;
  readonly after: string;
}

/** A hole of some lines, of an expression or the rest of a line, or of a block. Undefined if the text has none. */
export function hole(text: string, draw: Draw): Hole | undefined {
  const { of } = draw;
  const span =
    of([lineSpan, restSpan, bracketSpan, bracketSpan, blockSpan, blockSpan])(text, draw) ?? lineSpan(text, draw);
  if (!span) return undefined;
  const middle = text.slice(span.from, span.to);
  if (middle.trim() === "" || middle.length > text.length / 2) return undefined;
  return { before: text.slice(0, span.from), middle, after: text.slice(span.to) };
}

interface Span {
  readonly from: number;
  readonly to: number;
}
type SpanOf = (text: string, draw: Draw) => Span | undefined;

/** Where each line begins, and the end of the text. */
function starts(text: string): number[] {
  const lines = text.split(/(?<=\n)/);
  let at = 0;
  return [0, ...lines.map((line) => (at += line.length))];
}

const lineSpan: SpanOf = (text, { number }) => {
  const at = starts(text);
  if (at.length < 6) return undefined;
  const first = number(1, at.length - 4);
  const last = Math.min(at.length - 2, first + number(1, 8));
  // The newline stays behind the hole, where an editor has it, and so does the indentation before it.
  return { from: at[first]! + indentAt(text, at[first]!), to: at[last]! - 1 };
};

const indentAt = (text: string, at: number): number => /^[ \t]*/.exec(text.slice(at))![0].length;

/** From a place inside a line to its end, and sometimes on into the next lines. */
const restSpan: SpanOf = (text, { of, number }) => {
  const at = starts(text).slice(1, -2);
  const line = number(0, at.length - 2);
  const begin = at[line]!;
  const places = [...text.slice(begin, at[line + 1]!).matchAll(/(?<=[\s(.,=[{])\w/g)].map(({ index }) => begin + index);
  if (places.length === 0) return undefined;
  const end = at[Math.min(at.length - 1, line + of([1, 1, 1, 2, 4]))]!;
  return { from: of(places), to: end - 1 };
};

/** What stands between brackets, or right of an equals sign. */
const bracketSpan: SpanOf = (text, { of }) => {
  const inner = [...text.matchAll(/(?<=[([{])[^()[\]{}\n]{3,80}(?=[)\]}])|(?<= = )[^\n;]{3,100}(?=;?\n)/g)];
  if (inner.length === 0) return undefined;
  const { index, 0: found } = of(inner);
  return { from: index, to: index + found.length };
};

/** The lines below a head that stand right of it. */
const blockSpan: SpanOf = (text, { of }) => {
  const lines = text.split("\n");
  const blocks = lines.flatMap((line, head) => {
    if (!/[:{]$/.test(line)) return [];
    const closing = blockEnd(lines, head);
    const end = /^\s*[}\])]/.test(lines[closing - 1]!) ? closing - 1 : closing;
    return end > head + 1 && end < lines.length - 1 && end - head < 16 ? [{ head, end }] : [];
  });
  if (blocks.length === 0) return undefined;
  const { head, end } = of(blocks);
  const at = starts(text);
  return { from: at[head + 1]! + indentAt(text, at[head + 1]!), to: at[end]! - 1 };
};
