/**
 * Which tokens of a draft one pass scores. A draft is a chain, and each of its tokens may have siblings: alternatives
 * for its position, after which nothing is drafted. Let c be the chance of a token if all before it are kept, and S the
 * product of the chances before it. Scoring the token is worth S·c decided tokens, whether it is in the chain or a
 * sibling. So the most valuable tokens go, as many as the pass takes. For trees of one long branch that is what
 * Sequoia's dynamic programme gives (Chen et al. 2024, arXiv 2402.12374, §3.1), here with the chances of this very
 * draft rather than averages (as in EAGLE-2: Li et al. 2024, arXiv 2406.16858, §4.1).
 */
import type { Costs } from "./history.ts";
import { bestScored } from "./rates.ts";
import type { Candidate } from "./types.ts";

/** One token of the chain. */
export interface ChainToken {
  /** Chance that the target decides it if all before it are kept. */
  readonly chance: number;
  /** Alternatives for its position; their confidence is their chance. */
  readonly others: readonly Candidate[];
}

export interface Nodes {
  /** Tokens of the chain that go. */
  readonly length: number;
  /** The siblings that go with each of them. */
  readonly others: readonly (readonly Candidate[])[];
}

/**
 * The least worth of a sibling, in decided tokens, where only passes count: it costs a position all the same. Simulated
 * with a draft of SmolLM2-135M: 2.07 tokens per pass, 2.04 at 0.05, 2.09 without a limit (docs/record/log.md, "Siblings",
 * 2026-11-26).
 */
export const LEAST_SIBLING = 0.03;

/**
 * Tokens of a pass that cost little on any target that is worth drafting for. Whatever goes beyond them must be about
 * as likely to be kept as not: a copy, not a guess.
 */
export const USUAL_PASS = 15;
const LEAST_BEYOND = 0.5;

/** What a pass takes. */
export interface Pass {
  /** Most tokens, siblings included. */
  readonly most: number;
  /** What a sibling must be worth, in decided tokens. */
  readonly sibling: number;
  /** Where time counts: what passes cost, and how many tokens are decided in a millisecond otherwise. */
  readonly time?: { readonly costs: Costs; readonly rate: number };
}

interface Node {
  readonly at: number;
  readonly other: Candidate | null;
  readonly value: number;
}

export function chooseNodes(chain: readonly ChainToken[], pass: Pass): Nodes {
  const best = nodesOf(chain, pass.sibling).sort((a, b) => b.value - a.value);
  const worth = [1, ...best.map(({ value }) => value)];
  const most = Math.min(best.length, pass.most);
  const count = pass.time ? bestScored(most, worth, pass.time.costs, pass.time.rate) : most;
  const chosen = best.slice(0, count).filter(({ value }, rank) => rank < USUAL_PASS || value >= LEAST_BEYOND);
  const length = chosen.filter(({ other }) => other === null).length;
  const others = (at: number) => chosen.flatMap((node) => (node.at === at && node.other ? [node.other] : []));
  return { length, others: Array.from({ length }, (_, at) => others(at)) };
}

/** Whether `chooseNodes` would leave out any further token of the chain, however likely. */
export function isFull(chain: readonly ChainToken[], pass: Pass): boolean {
  const next = survivalOf(chain).at(-1) ?? 1;
  if (next < pass.sibling) return true;
  const better = nodesOf(chain, pass.sibling).filter(({ value }) => value >= next).length;
  return better >= pass.most || (better >= USUAL_PASS && next < LEAST_BEYOND);
}

/** Whether a draft may go on behind this chain, as far as its length is concerned. */
export const mayGrow = (chain: readonly ChainToken[], pass: Pass): boolean =>
  chain.length < Math.min(USUAL_PASS, pass.most) ||
  (chain.length < pass.most && survivalOf(chain).at(-1)! >= LEAST_BEYOND);

/** Of each token of the chain, the probability that it and all before it are kept. */
export function survivalOf(chain: readonly ChainToken[]): number[] {
  let product = 1;
  return chain.map(({ chance }) => {
    product *= chance;
    return product;
  });
}

function nodesOf(chain: readonly ChainToken[], least: number): Node[] {
  const survival = survivalOf(chain);
  return chain.flatMap(({ chance, others }, at) => {
    const before = survival[at - 1] ?? 1;
    // Never worth more than the chain's token: without that one a sibling does not go.
    const worth = others.map((other): Node => ({ at, other, value: before * Math.min(chance, other.confidence) }));
    return [{ at, other: null, value: survival[at]! }, ...worth.filter(({ value }) => value >= least)];
  });
}
