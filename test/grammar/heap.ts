/**
 * What forms take of the real heap beside what is counted: `node --expose-gc test/grammar/heap.ts [FORMS]`. First each
 * kind of hostile form alone, then FORMS of them in a row (500 unless given) under the bound of an edge's isolate, each
 * with some tokens of an answer. Prints JSON, all in bytes.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { BYTES_OF_ISOLATE, Compiled, type Held, MOST_OF_ONE } from "../../src/core/grammar/compiled.ts";
import { Following } from "../../src/core/grammar/following.ts";
import { OutriderError } from "../../src/core/model/errors.ts";
import { hasToken } from "../../src/core/model/token-mask.ts";
import { openTokenizer } from "../../src/core/model/tokenizer.ts";
import { HOSTILE, hostile } from "../cases/hostile-forms.ts";
import { THREAD } from "../support/thread.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";

const ANSWER_TOKENS = 6;

const tokenizer = openTokenizer(readFileSync(join(TINY_PACKS.target, "tokenizer.json"), "utf8"));
const { size } = packHeader(TINY_PACKS.target).vocabulary;
const compiledOf = (most: number) => new Compiled({ size, bytesOf: (id) => tokenizer.bytesOf(id) }, most, THREAD);

/** Null for a form that is refused; one that is refused in the middle of the answer is held all the same. */
async function answer(compiled: Compiled, i: number) {
  const held = await compiled.of(hostile(i), `key ${i % 3}`).catch(refused);
  if (!held) return null;
  const following = new Following(held.constraint, 0, []);
  const timeline: number[] = [];
  try {
    for (let n = 0; n < ANSWER_TOKENS; n++) {
      const { mask } = following.change(timeline);
      const may = Array.from({ length: size }, (_, id) => id).filter((id) => hasToken(mask, id));
      if (may.length === 0) break;
      timeline.push(may[(7 * i + n) % may.length]!);
    }
  } catch (error) {
    refused(error);
  }
  return held;
}

function refused(error: unknown): null {
  if (error instanceof OutriderError) return null;
  throw error;
}

async function heap(): Promise<number> {
  // What has just returned may still be held by its last step.
  for (let i = 0; i < 2; i++) {
    await THREAD.pause();
    globalThis.gc!();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

// What is compiled, cached or kept by the runtime once is no form's.
const kindsOf = Object.keys(HOSTILE);
for (const kind of kindsOf.keys()) (await answer(compiledOf(2 * MOST_OF_ONE), kind))?.leave();

const kinds: Record<string, { counted: number; grown: number }> = {};
/** What is measured; a constant of a loop would outlive its turn. */
let kept: { compiled: Compiled; held: Held | null } | null = null;
async function keep(kind: number): Promise<void> {
  const compiled = compiledOf(2 * MOST_OF_ONE);
  kept = { compiled, held: await answer(compiled, kind) };
}
for (const [kind, name] of kindsOf.entries()) {
  const before = await heap();
  await keep(kind);
  const grown = (await heap()) - before;
  const { held, compiled } = kept!;
  kept = null;
  if (held) kinds[name] = { counted: compiled.bytes, grown };
}

const compiled = compiledOf(BYTES_OF_ISOLATE);
const before = await heap();
const row = { forms: 0, refused: 0, counted: 0, grown: 0 };
for (let i = 0; i < Number(process.argv[2] ?? 500); i++) {
  const held = await answer(compiled, i);
  held?.leave();
  row.forms++;
  if (!held) row.refused++;
  row.counted = Math.max(row.counted, compiled.bytes);
  row.grown = Math.max(row.grown, (await heap()) - before);
}
console.log(JSON.stringify({ most: BYTES_OF_ISOLATE, kinds, row }));
