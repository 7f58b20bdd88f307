/**
 * `npm run suite forms`: schemas of MaskBench through the service, workerd at the edge and a gateway of its own, greedy
 * and sampled.
 *
 *   npm run suite forms -- [--count 200] [--pair default|tiny] [--tokens 160] [--suites DIR] [--journal FILE] [--quick]
 *
 * Of each schema three answers are asked for, which must have the same text: without drafts; with them; and `plain`, with
 * drafts that no form restrains, by an edge that lacks the constrained drafter (unmasked.ts), where the target is
 * asked for every token, as it is whenever log probabilities are. The target's passes of the last two are compared. An
 * answer that came to its end must be JSON that the validator takes; one that `--tokens` cut off is counted apart.
 * Schemas that are refused by name are passed over, and counted.
 *
 * With `--journal` a run that was stopped goes on. `--quick`: 20 schemas, the tiny pair. Needs git and a network once,
 * for the suite; the default pair's target is obtained once, 98 MB. The last line is JSON.
 */

import { textTable } from "../../src/tools/charts/text-table.ts";
import { type Case, MaskBench, suitesFolder } from "../suites/sources.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { startEdge, startOrigin } from "../support/service.ts";
import { packHeader, TINY_PACKS } from "../support/tiny.ts";
import { type Asked, Asking } from "./asking.ts";
import { Journal } from "./journal.ts";
import { unmaskedEdge } from "./unmasked.ts";

const { values } = parseOptions({
  options: {
    count: { type: "string" },
    pair: { type: "string" },
    tokens: { type: "string", default: "160" },
    suites: { type: "string" },
    journal: { type: "string" },
    quick: { type: "boolean", default: false },
  },
});
const count = Number(values.count ?? (values.quick ? 20 : 200));
const pair = values.pair ?? (values.quick ? "tiny" : "default");
const WAYS = [
  { name: "greedy", temperature: 0 },
  { name: "sampled", temperature: 0.8 },
] as const;

/** From all over the suite: three tenths more than `count`, for those that are refused. */
function* spread(): Generator<Case> {
  const suite = new MaskBench(suitesFolder(values.suites));
  const step = suite.names.length / (count * 1.3);
  for (let at = 0; at < suite.names.length; at += step) yield suite.read(suite.names[Math.floor(at)]!);
}

const packs = pair === "tiny" ? TINY_PACKS : await prepare();
const { model } = packHeader(packs.target);
const origin = await startOrigin(packs.target);
const edges: Awaited<ReturnType<typeof startEdge>>[] = [];
const journal = new Journal(values.journal);
const totals = Object.fromEntries(
  WAYS.map(({ name }) => [
    name,
    { answers: 0, ended: 0, tokens: 0, off: 0, on: 0, plain: 0, onEnded: 0, plainEnded: 0 },
  ]),
);
const faults: string[] = [];
let refused = 0;
let taken = 0;
try {
  const edgeOf = async (main?: string) => {
    const edge = await startEdge({
      targetPack: packs.target,
      draftPack: packs.draft,
      originUrl: origin.url,
      ...(main && { main }),
    });
    edges.push(edge);
    return edge.url;
  };
  const asking = new Asking(
    { url: await edgeOf(), plainUrl: await edgeOf(unmaskedEdge()), model },
    Number(values.tokens),
  );
  for (const { name, schema } of spread()) {
    if (taken === count) break;
    const found: Asked[] = [];
    for (const way of WAYS) {
      const asked = await journal.of(`${name} ${way.name}`, () => asking.ask(name, schema, way.temperature));
      if (!asked) break;
      found.push(asked);
    }
    if (found.length === 0) {
      refused++;
      continue;
    }
    taken++;
    for (const [at, { ended, tokens, off, on, plain, fault }] of found.entries()) {
      const total = totals[WAYS[at]!.name]!;
      total.answers++;
      for (const [key, value] of Object.entries({ tokens, off, on, plain })) total[key as "tokens"] += value;
      if (ended) {
        total.ended++;
        total.onEnded += on;
        total.plainEnded += plain;
      }
      if (fault === null) continue;
      faults.push(`${name}, ${WAYS[at]!.name}: ${fault}`);
      console.log(faults.at(-1));
    }
    if (taken % 10 === 0) console.error(`${taken} of ${count} schemas, ${refused} refused, ${faults.length} faults`);
  }
} finally {
  for (const edge of edges) await edge.stop();
  await origin.stop();
}

const rows = Object.entries(totals).map(([name, { onEnded, plainEnded, ...total }]) => {
  const perToken = (passes: number): number => Number((passes / total.tokens).toFixed(3));
  const share = Number((total.on / total.plain).toFixed(3));
  const shareEnded = Number((onEnded / plainEnded).toFixed(3));
  const passes = { off: perToken(total.off), on: perToken(total.on), plain: perToken(total.plain) };
  return { name, ...total, passes, share, shareEnded };
});
const heads = [
  "",
  "answers",
  "ended",
  "tokens",
  "passes a token: off",
  "on",
  "plain",
  "on ÷ plain",
  "of those that ended",
];
const lines = rows.map(({ name, answers, ended, tokens, passes, share, shareEnded }) =>
  [name, answers, ended, tokens, passes.off, passes.on, passes.plain, share, shareEnded].map(String),
);
console.log(textTable(heads, lines).join("\n"));
console.log(JSON.stringify({ pair, schemas: taken, refused, faults: faults.length, rows }));
process.exitCode = faults.length === 0 && taken === count ? 0 : 1;
