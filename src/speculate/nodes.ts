/**
 * Which tokens of a draft one pass judges. A draft is a chain, and for the place of each of its tokens there may be
 * others: siblings, after which nothing is drafted. With c the chance of a token if all before it are kept, and S what
 * the chances before it come to, judging it is worth S·c decided tokens, be it of the chain or not. So the most
 * valuable go, as many as there is room for: what Sequoia's dynamic programme (Chen et al. 2024, arXiv 2402.12374,
 * §3.1) gives for trees of one long branch, by the chances of this very draft rather than by averages (as EAGLE-2: Li
 * et al. 2024, arXiv 2406.16858, §4.1).
 */
import type { Candidate } from "./types.ts";

/** One place of a draft. */
export interface Place {
  /** Chance of its token in the chain. */
  readonly chance: number;
  /** Other tokens for it; their confidence is their chance. */
  readonly others: readonly Candidate[];
}

export interface Nodes {
  /** Tokens of the chain that go. */
  readonly length: number;
  /** Of the others, those that go with each of them. */
  readonly others: readonly (readonly Candidate[])[];
}

/** What tokens a sibling must be worth to be judged where only passes count: it costs a position all the same. */
export const LEAST_SIBLING = 0.03;

interface Node {
  readonly at: number;
  readonly other: Candidate | null;
  readonly value: number;
}

/** @param least what a sibling must be worth */
export function chooseNodes(places: readonly Place[], room: number, least: number): Nodes {
  const chosen = nodesOf(places, least)
    .sort((a, b) => b.value - a.value)
    .slice(0, room);
  const length = chosen.filter(({ other }) => other === null).length;
  const others = (at: number) => chosen.flatMap((node) => (node.at === at && node.other ? [node.other] : []));
  return { length, others: Array.from({ length }, (_, at) => others(at)) };
}

/** Whether no token after these can be among those that go. */
export function isFull(places: readonly Place[], room: number, least: number): boolean {
  const next = survivalOf(places).at(-1) ?? 1;
  return next < least || nodesOf(places, least).filter(({ value }) => value >= next).length >= room;
}

/** Of each place, the probability that the chain is kept up to its token, this included. */
export function survivalOf(places: readonly Place[]): number[] {
  let product = 1;
  return places.map(({ chance }) => {
    product *= chance;
    return product;
  });
}

function nodesOf(places: readonly Place[], least: number): Node[] {
  const survival = survivalOf(places);
  return places.flatMap(({ chance, others }, at) => {
    const before = survival[at - 1] ?? 1;
    // Never more than the token itself: without it they have no place.
    const worth = others.map((other): Node => ({ at, other, value: before * Math.min(chance, other.confidence) }));
    return [{ at, other: null, value: survival[at]! }, ...worth.filter(({ value }) => value >= least)];
  });
}
