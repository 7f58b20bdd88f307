/**
 * What to ask llama.cpp about a position, so that a short reply determines the target's own token, `chooseToken` of all
 * logits. All logits of a large vocabulary cost more than the pass of a small model.
 *
 *   greedy      its argmax
 *   top_k       the k likeliest and one more
 *   top_p       the likeliest, at the request's temperature, and the total weight
 *   neither     the noise as a bias. Loud tokens get temperature · (noise − their level g) added, before the likeliest
 *               are taken. Then x + noise ≤ (the last one's biased logit) / temperature + g holds for all
 *               others. A winner that exceeds that bound is the winner of all.
 *
 * Where the reply leaves more than one token possible, all logits are requested. BiLD's rule also needs the probability
 * of the draft token: one more logit and the total when greedy, all logits when sampled.
 */

import { gumbel, noiseBits, noiseKey } from "../../core/model/noise.ts";
import { chooseAmong, type Likeliest } from "../../core/speculate/likeliest.ts";
import { loudBiases, loudTokens } from "../../core/speculate/loud.ts";
import { chooseToken, logProbability, tokenLogprob } from "../../core/speculate/sample.ts";
import type { Shape } from "../../core/speculate/shaping.ts";
import type { Sampling, TokenLogprob } from "../../core/speculate/types.ts";
import type { LibraryBias, LibraryModel, Question, Reply } from "./llama-library.ts";

/** Likeliest tokens to request where the sampling does not tell how many it keeps. */
const LIKELIEST = 256;
/** Tokens that get a bias. */
const LOUD = 512;
/** Largest top_k that is requested as such; above it llama.cpp's sorting costs as much as all logits do. */
const MAX_TOP_K = 1024;
/** llama.cpp cuts to the likeliest tokens only when it samples; its draw is not used. */
const DRAW = { temperature: 1, topP: 1, minP: 0, seed: 0 } as const;

/** A question and how to read the reply. */
interface Inquiry {
  readonly question: Question;
  /** The target's own token; null where the reply leaves that open. */
  own(reply: Reply): number | null;
  /** ln p of a token that was asked about. */
  logProbability?(reply: Reply, token: number): number;
  /** What is told of a token. */
  tell?(reply: Reply, token: number, count: number): TokenLogprob;
}

/** What this needs of the library. */
export interface Vocabulary {
  readonly V: number;
  readonly model: LibraryModel;
  newBias(): LibraryBias;
}

/** @param wanted a token whose probability to request too */
export function inquire(vocabulary: Vocabulary, sampling: Sampling, position: number, wanted?: number): Inquiry {
  const { V } = vocabulary;
  if (wanted !== undefined) {
    return sampling.temperature === 0 ? besidesArgmax(wanted) : inquireAll(vocabulary, sampling, position);
  }
  if (sampling.temperature === 0) {
    return { question: { token: true, options: { temperature: 0 } }, own: ({ next }) => next.token ?? null };
  }
  if (sampling.topK > 0 && sampling.topK < Math.min(V, MAX_TOP_K)) {
    const count = sampling.topK + 1;
    const question = { logits: likeliest(count), options: { ...DRAW, topK: count } };
    return { question, own: (reply) => chooseAmong(known(reply, Number.NaN), V, sampling, position) };
  }
  if (sampling.topP < 1 || sampling.minP > 0) {
    const { temperature } = sampling;
    // Logits come back divided by the temperature, and the total is theirs.
    const question = {
      logits: likeliest(LIKELIEST),
      totalLogitWeight: true,
      options: { ...DRAW, temperature, topK: 0 },
    };
    return { question, own: (reply) => chooseAmong(tempered(reply), V, { ...sampling, temperature: 1 }, position) };
  }
  return biased(vocabulary, sampling, position);
}

/** All logits. */
export function inquireAll({ V }: Vocabulary, sampling: Sampling, position: number, shape?: Shape): Inquiry {
  const all = ({ next }: Reply): Float32Array => {
    const logits = new Float32Array(V).fill(Number.NEGATIVE_INFINITY);
    for (const [token, logit] of next.logits ?? []) logits[token] = logit;
    return logits;
  };
  return {
    question: { logits: true, options: { temperature: 0 } },
    own(reply) {
      const logits = all(reply);
      shape?.apply(logits);
      return chooseToken(logits, sampling, position);
    },
    logProbability: (reply, token) => logProbability(all(reply), token),
    tell: (reply, token, count) => tokenLogprob(all(reply), token, count),
  };
}

function besidesArgmax(wanted: number): Inquiry {
  return {
    question: {
      token: true,
      logits: { filter: { tokens: [wanted], includeSelected: true } },
      totalLogitWeight: true,
      options: { temperature: 0 },
    },
    own: ({ next }) => next.token ?? null,
    logProbability({ next: { token, logits, totalLogitWeight = 1 } }) {
      const largest = logits?.get(token ?? -1) ?? 0;
      return (logits?.get(wanted) ?? Number.NEGATIVE_INFINITY) - largest - Math.log(totalLogitWeight);
    },
  };
}

const likeliest = (includeTop: number) => ({ filter: { tokens: [], includeTop } });

function known({ next }: Reply, logTotal: number): Likeliest {
  const logits = next.logits ?? new Map<number, number>();
  return { ids: [...logits.keys()], logits: [...logits.values()], logTotal };
}

function tempered(reply: Reply): Likeliest {
  const { ids, logits } = known(reply, 0);
  return { ids, logits, logTotal: (logits[0] ?? 0) + Math.log(reply.next.totalLogitWeight ?? 1) };
}

function biased({ V, model, newBias }: Vocabulary, sampling: Sampling, position: number): Inquiry {
  const { temperature, seed } = sampling;
  const key = noiseKey(seed, position);
  const loud = loudTokens(V, seed, position, LOUD);
  const bias = newBias();
  const added = new Map<number, number>();
  /** Tokens above the level that the library takes no bias for: those that end an answer. */
  const unbiased: number[] = [];
  for (const [token, logit] of loudBiases(loud, sampling, position)) {
    if (model.isEogToken(token)) unbiased.push(token);
    else {
      bias.set(token, { logit });
      added.set(token, logit);
    }
  }
  return {
    question: { logits: likeliest(LIKELIEST), options: { ...DRAW, topK: LIKELIEST, tokenBias: bias } },
    own({ next }) {
      let winner = -1;
      let best = Number.NEGATIVE_INFINITY;
      let last = Number.POSITIVE_INFINITY;
      for (const [token, logit] of next.logits ?? []) {
        last = logit;
        const score = (logit - (added.get(token) ?? 0)) / temperature + gumbel(noiseBits(key, token));
        if (score > best) {
          winner = token;
          best = score;
        }
      }
      const others = unbiased.filter((token) => !next.logits?.has(token));
      const loudest = Math.max(loud.level, ...others.map((token) => gumbel(noiseBits(key, token))));
      // The slack covers the rounding of the bias to f32 and of the sum.
      return last / temperature + loudest + 1e-4 < best ? winner : null;
    },
  };
}
