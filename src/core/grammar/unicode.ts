/** Characters of Unicode properties such as `{L}`, as the runtime itself knows them. */
import { finished } from "../model/sliced.ts";
import { type Characters, union } from "./characters.ts";

/** Properties that are kept. */
const MAX_KEPT = 32;
/** Code points that are looked at together, which takes some milliseconds. */
const AT_ONCE = 0x10000;
/** Code points that are written at once, beside the surrogates: those are no characters. */
const BLOCKS = [
  { from: 0, to: 0xd7ff },
  { from: 0xe000, to: 0xffff },
  ...Array.from({ length: 16 }, (_, plane) => ({ from: (plane + 1) * AT_ONCE, to: (plane + 2) * AT_ONCE - 1 })),
];

/** In order of use, the least recent first. */
const kept = new Map<string, Characters>();
const decoder = new TextDecoder("utf-16le");

/** Each property that a form's JSON may name. */
export const propertiesIn = (json: string): Set<string> =>
  new Set([...json.matchAll(/\\[pP](\{\w+(?:=\w+)?\})/g)].map(([, name]) => name!));

export function isProperty(name: string): boolean {
  try {
    return new RegExp(`\\p${name}`, "u") !== null;
  } catch {
    return false;
  }
}

/** @param name in braces; of a property that regular expressions have */
export const charactersOf = (name: string): Characters => finished(findCharacters(name));

/** The same in slices. */
export function* findCharacters(name: string): Generator<void, Characters> {
  const known = kept.get(name);
  kept.delete(name);
  const set = known ?? (yield* find(name));
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value!);
  kept.set(name, set);
  return set;
}

function* find(name: string): Generator<void, Characters> {
  const pattern = new RegExp(`\\p${name}+`, "gu");
  const found: Characters[] = [];
  for (const { from, to } of BLOCKS) {
    const units = from < AT_ONCE ? 1 : 2;
    for (const { 0: run, index } of textOf(from, to).matchAll(pattern)) {
      found.push([[from + index / units, from + (index + run.length) / units - 1]]);
    }
    yield;
  }
  return union(...found);
}

/** The characters from one code point to another, both below or both from 0x10000 on. */
function textOf(from: number, to: number): string {
  const isOne = from < AT_ONCE;
  const units = new Uint16Array((to - from + 1) * (isOne ? 1 : 2));
  for (let code = from, at = 0; code <= to; code++) {
    if (!isOne) units[at++] = 0xd800 + ((code - AT_ONCE) >> 10);
    units[at++] = isOne ? code : 0xdc00 + (code & 0x3ff);
  }
  return decoder.decode(units);
}
