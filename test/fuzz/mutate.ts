/** Damage, seeded: to bytes, to texts, and to the structure of JSON. */

/** Numbers in [0, 1). */
export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export const oneOf = <T>(random: Random, values: readonly T[]): T => values[below(random, values.length)]!;

/** A copy with one to four kinds of damage; all within the first `within` bytes, where a file's header is. */
export function mutatedBytes(bytes: Uint8Array, random: Random, within = bytes.length): Uint8Array {
  // A Buffer checks what a list of bytes does not.
  let copy = Uint8Array.from(bytes);
  for (let times = 1 + below(random, 4); times > 0; times--) {
    const at = below(random, Math.max(1, Math.min(within, copy.length)));
    const length = 1 + below(random, 16);
    switch (below(random, 6)) {
      case 0:
        copy[at]! ^= 1 << below(random, 8);
        break;
      case 1:
        for (let n = at; n < at + length && n < copy.length; n++) copy[n] = below(random, 256);
        break;
      case 2:
        copy.fill(oneOf(random, [0, 0x7f, 0x80, 0xff]), at, at + oneOf(random, [1, 2, 4, 8]));
        break;
      case 3:
        copy = copy.slice(0, at);
        break;
      case 4:
        copy = spliced(copy, at, length, new Uint8Array());
        break;
      default:
        copy = spliced(copy, at, 0, copy.slice(at, at + length));
    }
  }
  return copy;
}

function spliced(bytes: Uint8Array, at: number, gone: number, come: Uint8Array) {
  const rest = bytes.subarray(Math.min(bytes.length, at + gone));
  const all = new Uint8Array(at + come.length + rest.length);
  all.set(bytes.subarray(0, at));
  all.set(come, at);
  all.set(rest, at + come.length);
  return all;
}

const PIECES = [
  "",
  "\0",
  "\ud800",
  "\ufeff",
  "{",
  "}",
  "[",
  '"',
  "\\",
  "%",
  "{{",
  "{%",
  "%}",
  "}}",
  "🙂",
  "é",
  "\n",
  "9".repeat(40),
];

export function mutatedText(text: string, random: Random): string {
  let copy = text;
  for (let times = 1 + below(random, 2); times > 0; times--) {
    const at = below(random, copy.length + 1);
    const end = at + below(random, 8);
    const from = below(random, copy.length + 1);
    const come = oneOf(random, [...PIECES, copy.slice(from, from + below(random, 20)), copy.slice(at, end).repeat(3)]);
    copy = copy.slice(0, at) + come + copy.slice(random() < 0.5 ? at : end);
  }
  return copy;
}

const ODDITIES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 0.5, 1e-320, 1e21, 2 ** 31, 2 ** 32, 2 ** 53, 1e308, -1e308],
  ...["", " ", "x", "1", "__proto__", "constructor", "\0", "\ud800", "a b", "x".repeat(3000)],
  ...[[], {}, [[]], [null], [1, 2, 3], { type: 3 }, { "": null }, { length: 1e9 }, { __proto__: null }],
];

/** A copy of JSON's values with one or two places changed: more would seldom get past the first check. */
export function mutatedJson(value: unknown, random: Random): unknown {
  let copy: unknown = structuredClone(value);
  for (let times = 1 + below(random, 2); times > 0; times--) copy = changed(copy, copy, random);
  return copy;
}

function changed(root: unknown, node: unknown, random: Random): unknown {
  if (typeof node !== "object" || node === null || random() < 0.08) return odd(root, node, random);
  const keys = Object.keys(node);
  // A list of thousands is as likely as the few fields beside it.
  const key = keys.length > 0 ? oneOf(random, keys) : "x";
  const inner = (node as Record<string, unknown>)[key];
  const copy = node as Record<string, unknown>;
  const choice = random();
  if (choice < 0.06) {
    if (Array.isArray(node)) node.splice(Number(key), 1);
    else delete copy[key];
  } else if (choice < 0.1) {
    define(copy, `${oneOf(random, keys.length > 0 ? keys : ["x"])}${oneOf(random, ["", "_", "2"])}`, inner);
  } else {
    define(copy, key, changed(root, inner, random));
  }
  return node;
}

/** As JSON.parse does: a key of any name is a property of its own. */
function define(node: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(node, key, { value, configurable: true, enumerable: true, writable: true });
}

function odd(root: unknown, node: unknown, random: Random): unknown {
  const choice = random();
  if (typeof node === "string" && choice < 0.4) return mutatedText(node, random);
  if (typeof node === "number" && choice < 0.4)
    return node * oneOf(random, [-1, 2, 0.5, 1e9]) + oneOf(random, [0, 1, -1]);
  // Something from elsewhere in the same document.
  if (choice < 0.55) return structuredClone(elsewhere(root, random));
  return structuredClone(oneOf(random, ODDITIES));
}

function elsewhere(root: unknown, random: Random): unknown {
  let node = root;
  while (typeof node === "object" && node !== null && random() < 0.8) {
    const values: unknown[] = Object.values(node);
    if (values.length === 0) break;
    node = oneOf(random, values);
  }
  return node;
}
