/**
 * `npm run bench:ahead`: what drafting ahead of verdicts is worth, simulated: edge, network and origin are arithmetic
 * (test/support/race.ts), so nothing depends on the machine. Ways to go about it, each at its best first draft and best
 * number of positions, as multiples of the speed without drafts:
 *
 *   wait       the origin waits for each draft, and the drafter for each verdict
 *   each       the drafter goes on behind its draft, and each further token is sent as it is made
 *   verdict    as each, but what was made is sent when a verdict says that it may fit
 *   least      as each, but after a bet that is won the origin waits for so many tokens
 *   stream     the origin never waits
 *
 * A way with first drafts of 1 to 3 tokens, where longer ones would be kept as well, is pre-verifying: the pass starts
 * while the rest is still being drafted.
 *
 * The second table is the project's own round, window and generation in virtual time (test/support/world.ts), before a
 * Session that has learned nothing yet: `time`, the same without bets and always waiting, and `passes`. The last line is
 * JSON.
 */

import { History } from "../../src/core/speculate/history.ts";
import { costOf } from "../../src/core/speculate/pass-cost.ts";
import type { WindowPolicy } from "../../src/core/speculate/window.ts";
import { PASS_COSTS } from "../../src/origin/pass-costs.ts";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { run, type Way } from "../support/race.ts";
import { seeded } from "../support/random.ts";
import { live } from "../support/world.ts";

const DRAFT_STEP_MS = 2.5;
/** Acceptance of the n-th draft token since the last wrong one. */
const ACCEPTANCE = [0.6, 0.66, 0.72, 0.76, 0.8];
const PASSES = 600;
const FIRSTS = [1, 2, 3, 4, 6, 8];
const MOST = [2, 4, 15];
const AHEAD = 15;

const ways = (sends: Way["sends"], least: number): Way[] =>
  FIRSTS.flatMap((first) => MOST.map((most) => ({ first, ahead: AHEAD, most, sends, least })));
const KINDS: Readonly<Record<string, readonly Way[]>> = {
  wait: FIRSTS.map((first) => ({ first, ahead: first, most: 31, sends: "each", least: 0 })),
  each: ways("each", 0),
  verdict: ways("verdict", 0),
  least: [2, 3].flatMap((least) => ways("each", least)),
  stream: MOST.map((most) => ({ first: 0, ahead: AHEAD, most, sends: "each", least: 0 })),
};

interface Row {
  readonly class: string;
  readonly target_ms: number;
  readonly round_trip_ms: number;
  readonly gains: Readonly<Record<string, number>>;
  /** First draft of the best way that waits and bets. */
  readonly first: number;
  /** Draft steps thrown away for each token, by that way. */
  readonly thrown: number;
}

const rows: Row[] = [];
for (const name of ["gemm16", "llamacpp4"] as const) {
  for (const targetMs of [12, 25, 50]) {
    for (const roundTripMs of [1, 5, 20, 50]) {
      const rate = (way: Way) => {
        const random = seeded(7);
        const ran = run(
          {
            ...{ roundTripMs, draftStepMs: DRAFT_STEP_MS },
            passMs: (drafted) => targetMs * costOf(PASS_COSTS[name], drafted + 1),
            right: (n) => random() < ACCEPTANCE[Math.min(n, ACCEPTANCE.length) - 1]!,
          },
          way,
          PASSES,
        );
        return { way, gain: (targetMs * ran.tokens) / ran.ms, thrown: ran.thrown / ran.tokens };
      };
      const best = (kind: string) => KINDS[kind]!.map(rate).reduce((a, b) => (b.gain > a.gain ? b : a));
      const { way, thrown } = best("each");
      rows.push({
        ...{ class: name, target_ms: targetMs, round_trip_ms: roundTripMs },
        gains: Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, Number(best(kind).gain.toFixed(2))])),
        ...{ first: way.first, thrown: Number(thrown.toFixed(1)) },
      });
    }
  }
}

const kinds = Object.keys(KINDS);
const cells = rows.map((row) => [
  ...[row.class, String(row.target_ms), String(row.round_trip_ms)],
  ...[...kinds.map((kind) => row.gains[kind]!.toFixed(2)), String(row.first), String(row.thrown)],
]);
console.log(textTable(["class", "T ms", "R ms", ...kinds, "first draft", "thrown a token"], cells).join("\n"));
/** The geometric mean, over all rows, of one kind's speed divided by another's. */
const over = (above: (row: Row) => number, below: (row: Row) => number): number =>
  Number(Math.exp(rows.reduce((sum, row) => sum + Math.log(above(row) / below(row)), 0) / rows.length).toFixed(3));
const at = (kind: string) => (row: Row) => row.gains[kind]!;
const scheme = (row: Row) => Math.max(row.gains.each!, row.gains.stream!);
/** Confidences of a draft whose tokens are kept in 0.68 of all positions, and which knows where. */
const CONFIDENCES = [0.95, 0.85, 0.55, 0.35];
const POLICIES: Readonly<Record<string, WindowPolicy>> = {
  time: { maxDraft: 31, patience: "auto", spare: "time" },
  "no bets": { maxDraft: 31, patience: 2000, spare: "time", bets: false },
  passes: { maxDraft: 8, patience: 2000, spare: "passes" },
};
const lived: Record<string, number | string>[] = [];
for (const [name, targetMs, roundTripMs] of [
  ["gemm16", 50, 5],
  ["gemm16", 25, 5],
  ["gemm16", 25, 20],
  ["llamacpp4", 50, 5],
] as const) {
  for (const draftStepMs of [2.5, 4]) {
    const passCost = PASS_COSTS[name];
    const passMs = (drafted: number) => targetMs * costOf(passCost, drafted + 1);
    const world = { roundTripMs, draftStepMs, passMs, passCost, confidences: CONFIDENCES, tokens: 400, jitter: 0.05 };
    const row: Record<string, number | string> = { class: name, T: targetMs, R: roundTripMs, t: draftStepMs };
    for (const [policy, asked] of Object.entries(POLICIES)) {
      const { perMs, passes, tokens, thrown } = await live(world, asked, new History());
      row[policy] = Number((perMs * targetMs).toFixed(2));
      row[`${policy}, passes a token`] = Number((passes / tokens).toFixed(2));
      row[`${policy}, thrown a token`] = Number((thrown / tokens).toFixed(1));
    }
    lived.push(row);
  }
}
console.log(
  `\n${textTable(
    Object.keys(lived[0]!),
    lived.map((row) => Object.values(row).map(String)),
  ).join("\n")}`,
);
console.log(
  JSON.stringify({
    proactive_gain: over(scheme, at("wait")),
    bets_where_waiting: over(at("each"), at("wait")),
    each_vs_verdict: over(at("each"), at("verdict")),
    least_vs_each: over(at("least"), at("each")),
    scheme_vs_better_of_old: over(scheme, (row) => Math.max(row.gains.wait!, row.gains.stream!)),
    lived,
  }),
);
