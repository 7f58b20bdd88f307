/** How the edge isolate's memory is shared out. `test/real/memory.test.ts` holds the running isolate to it. */

import type { KeyBudget } from "../../core/draft/key-policy.ts";
import { planMemory } from "../../core/draft/memory-plan.ts";
import type { PackHeader } from "../../core/format/pack-header.ts";
import { PAGE_TOKENS } from "../../core/kernels/abi.ts";
import { OutriderError } from "../../core/model/errors.ts";

/** What weights, KV pages and the JS heap may take together of the 128 MB that an isolate has. */
const ISOLATE_BYTES = 100e6;
/** Of these, for the JS heap after a collection: code and requests under way. */
const HEAP_BYTES = 8e6;
/**
 * And for each token of the vocabulary: the tokenizer's tables (56 bytes measured of 151,936 tokens) and the draft's.
 */
const TOKEN_BYTES = 80;

/** Long conversations that draft in one isolate at the same time. */
const CONVERSATIONS = 6;
/** Pages that a conversation may hold whatever the pool: 512 tokens. */
const LEAST_PAGES = 16;

/** Pages of fast memory that a conversation holds at most, of `held` tokens or fewer, beside those that read ahead. */
export const conversationPages = (pool: number, held = Number.POSITIVE_INFINITY): number =>
  Math.min(Math.max(LEAST_PAGES, Math.floor(pool / CONVERSATIONS)), Math.floor(held / PAGE_TOKENS));

/** Pages whose bytes are averaged: of one alone, alignment would count. */
const COUNTED = 64;

/** KV pages that fit the budget beside the weights. Throws `draft_too_large` when not even one does. */
export function poolPages(header: PackHeader, infinigen?: KeyBudget): number {
  const fixed = planMemory(header, 0, 1, infinigen).bytes;
  // With what a policy keeps beside each page.
  const page = Math.ceil((planMemory(header, COUNTED, 1, infinigen).bytes - fixed) / COUNTED);
  const available = ISOLATE_BYTES - HEAP_BYTES - TOKEN_BYTES * header.vocabulary.size;
  const pages = Math.floor((available - fixed) / page);
  if (pages < 1) {
    throw new OutriderError(
      "draft_too_large",
      `the draft needs ${fixed} bytes before its first KV page of ${page}; ${available} are ` +
        `available. Squeeze it further, or set KV_PAGES where isolates have more memory`,
      { status: 500 },
    );
  }
  return pages;
}
