/** The bill of a month of like conversations, by the counts of one. */
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { KEEP_HOURS, LONG_TOKENS, ONE_TURN_HOURS } from "./keeping.ts";
import { PAID_USD, PRICES, RESOURCES, type Resource, type Usage, usd } from "./prices.ts";
import { cpuOf, ratesOf, usageOf } from "./using.ts";

const DAYS = 30;

/** A conversation, of which a month has many. */
export interface Conversation {
  readonly turns: number;
  /** Tokens that each turn's prompt adds. */
  readonly prompt: number;
  /** Tokens of each answer. */
  readonly answer: number;
  /** How fast answers come. */
  readonly tokensPerSecond: number;
  /** Tokens of the answer a target pass. */
  readonly tokensPerPass: number;
  /** Draft steps a token of the answer, those included that are thrown away; 0 without a draft model. */
  readonly stepsPerToken: number;
  /** A draft step, ms. */
  readonly stepMs: number;
  /** A KV page of the draft, bytes. */
  readonly pageBytes: number;
  /** How long a conversation of several turns is kept, h. */
  readonly keepHours: number;
}

/** What one conversation uses. */
export function usageOfConversation(conversation: Conversation): Usage {
  const { turns, prompt, answer, tokensPerSecond, tokensPerPass, stepsPerToken, stepMs, pageBytes } = conversation;
  const tokens = turns * (prompt + answer);
  const answered = turns * answer;
  const drafts = stepsPerToken > 0;
  const kept = drafts && (turns > 1 || tokens >= LONG_TOKENS);
  // The last token is decided and not read; what does not fill a page is not stored.
  const pages = kept ? Math.floor((tokens - 1) / PAGE_TOKENS) : 0;
  const hours = turns > 1 ? conversation.keepHours : Math.min(conversation.keepHours, ONE_TURN_HOURS);
  return usageOf({
    seconds: answered / tokensPerSecond,
    passes: answered / tokensPerPass,
    cpuMs: cpuOf(answered * stepsPerToken, drafts ? turns * prompt : 0, answered, turns, ratesOf(stepMs)),
    stored: { first: true, turns, tokens, pages, pageBytes },
    hours,
  });
}

/** A resource of a month's bill. */
export interface Item {
  readonly resource: Resource;
  readonly used: number;
  /** USD a million output tokens at the plain price. */
  readonly perMillion: number;
  /** USD of the month, beyond what is included. */
  readonly month: number;
  /** Output tokens a day at which the Free plan's allowance ends; null where it has none. */
  readonly freeTokensADay: number | null;
}

export interface Bill {
  readonly items: readonly Item[];
  /** USD a million output tokens at plain prices, nothing being included. */
  readonly perMillion: number;
  /** Without CPU, for which the price list of Durable Objects asks nothing. */
  readonly perMillionWithoutCpu: number;
  /** USD of the month on the Paid plan. */
  readonly month: number;
}

/** @param tokens output tokens a month */
export function bill(conversation: Conversation, tokens: number): Bill {
  const one = usageOfConversation(conversation);
  const answered = conversation.turns * conversation.answer;
  const items = RESOURCES.map((resource): Item => {
    const price = PRICES[resource];
    const perToken = one[resource] / answered;
    const used = perToken * tokens;
    // Storage is no flow: what a day adds stays for a while.
    const aDay = resource === "storage" ? perToken * DAYS : perToken;
    return {
      resource,
      used,
      perMillion: perToken * price.usd * 1e6,
      month: Math.max(0, used - price.included) * price.usd,
      freeTokensADay: price.free === null || aDay === 0 ? null : price.free / aDay,
    };
  });
  const perMillion = (usd(one) / answered) * 1e6;
  return {
    items,
    perMillion,
    perMillionWithoutCpu: perMillion - items.find(({ resource }) => resource === "cpu")!.perMillion,
    month: PAID_USD + items.reduce((sum, { month }) => sum + month, 0),
  };
}

/** What the default pair does (test/bench/RESULTS.md), before a target of 25 tokens/s, on the slower machine C. */
export const USUAL: Conversation = {
  turns: 1,
  prompt: 500,
  answer: 300,
  tokensPerSecond: 25,
  tokensPerPass: 2.87,
  stepsPerToken: 2.8,
  stepMs: 4,
  pageBytes: 92_160,
  keepHours: KEEP_HOURS,
};
