/**
 * Sets of characters, and what they are in bytes: as plain UTF-8, or as a JSON string writes them.
 */
import type { Expression, Expressions } from "./expression.ts";

/** Ranges of code points, both ends included, in order and apart from each other. */
export type Characters = readonly (readonly [from: number, to: number])[];

const LAST = 0x10ffff;
export const ANY: Characters = [[0, LAST]];
export const DIGITS: Characters = [[0x30, 0x39]];
export const WORD: Characters = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
/** What `\s` is in ECMA-262. */
export const SPACE: Characters = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
/** What ends a line in ECMA-262, where `.` stops. */
export const LINE_ENDS: Characters = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];

export function union(...sets: readonly Characters[]): Characters {
  const sorted = sets.flat().sort(([a], [b]) => a - b);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out.at(-1);
    if (last && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

export function complement(set: Characters): Characters {
  const out: [number, number][] = [];
  let from = 0;
  for (const [a, b] of set) {
    if (a > from) out.push([from, a - 1]);
    from = b + 1;
  }
  if (from <= LAST) out.push([from, LAST]);
  return out;
}

export const minus = (set: Characters, other: Characters): Characters => complement(union(complement(set), other));

/** How one character out of a set is written. */
export type Writing = (expressions: Expressions, set: Characters) => Expression;

/** Not a character of its own, so UTF-8 has none of them. */
const SURROGATES: Characters = [[0xd800, 0xdfff]];

/** One character as UTF-8. */
export function plain(expressions: Expressions, set: Characters): Expression {
  const spans: Span[] = [];
  for (const [from, to] of minus(set, SURROGATES)) {
    for (const [low, high] of LENGTHS) {
      if (from <= high && to >= low) spans.push(...spansOf(Math.max(from, low), Math.min(to, high)));
    }
  }
  return together(expressions, spans, 0);
}

/** Characters that a JSON string must escape, and how JSON.stringify does. */
const ESCAPED = new Map<number, string>([
  [0x22, '\\"'],
  [0x5c, "\\\\"],
]);
for (let code = 0; code < 0x20; code++) ESCAPED.set(code, JSON.stringify(String.fromCharCode(code)).slice(1, -1));
const ESCAPED_SET: Characters = union(...[...ESCAPED.keys()].map((code): Characters => [[code, code]]));

/** One character of a JSON string, in the one form that JSON.stringify gives it. */
export function inJson(expressions: Expressions, set: Characters): Expression {
  const raw = plain(expressions, minus(set, ESCAPED_SET));
  const escaped = [...ESCAPED].filter(([code]) => set.some(([from, to]) => code >= from && code <= to));
  return expressions.either([raw, ...escaped.map(([, text]) => expressions.text(text))]);
}

/** Code points that UTF-8 writes with one, two, three and four bytes. */
const LENGTHS: Characters = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xffff],
  [0x10000, LAST],
];

/** Characters of as many bytes, each byte out of a range of its own. */
type Span = readonly (readonly [from: number, to: number])[];

/** Code points of [from, to], all with as many bytes. */
function spansOf(from: number, to: number): Span[] {
  const split = (low: readonly number[], high: readonly number[]): Span[] => {
    const whole = [low.map((byte, at) => [byte, high[at]!] as const)];
    const at = low.findIndex((byte, i) => byte !== high[i]);
    const rest = low.length - at - 1;
    if (at < 0 || rest === 0) return whole;
    const isFirst = low.slice(at + 1).every((byte) => byte === 0x80);
    const isLast = high.slice(at + 1).every((byte) => byte === 0xbf);
    if (isFirst && isLast) return whole;
    const head = low.slice(0, at);
    const lows = [...head, low[at]!, ...new Array<number>(rest).fill(0xbf)];
    const highs = [...head, high[at]!, ...new Array<number>(rest).fill(0x80)];
    if (!isFirst) {
      const next = [...head, low[at]! + 1, ...new Array<number>(rest).fill(0x80)];
      return [...split(low, lows), ...split(next, high)];
    }
    const before = [...head, high[at]! - 1, ...new Array<number>(rest).fill(0xbf)];
    return [...split(low, before), ...split(highs, high)];
  };
  return split(bytesOf(from), bytesOf(to));
}

/** What spans have behind their first `at` bytes; those that go on alike share what follows. */
function together(e: Expressions, spans: readonly Span[], at: number): Expression {
  const last = new Uint32Array(8);
  const longer = new Map<number, Span[]>();
  for (const span of spans) {
    const [from, to] = span[at]!;
    if (at === span.length - 1) {
      for (let byte = from; byte <= to; byte++) last[byte >> 5]! |= 1 << (byte & 31);
      continue;
    }
    const key = from * 256 + to;
    const alike = longer.get(key);
    if (alike) alike.push(span);
    else longer.set(key, [span]);
  }
  const rest = [...longer].map(([key, alike]) => e.join(e.range(key >> 8, key & 255), together(e, alike, at + 1)));
  return e.either([e.bytes(last), ...rest]);
}

const encoder = new TextEncoder();
/** Of one code point that is no surrogate. */
const bytesOf = (code: number): number[] => [...encoder.encode(String.fromCodePoint(code))];
