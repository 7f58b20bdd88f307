/** How the edge isolate's memory is shared out. `test/real/memory.test.ts` holds the running isolate to it. */

import { planMemory } from "../draft/memory-plan.ts";
import type { PackHeader } from "../format/pack-header.ts";
import { pageBytes } from "../kernels/abi.ts";
import { totalKvHeads } from "../model/config.ts";
import { OutriderError } from "../model/errors.ts";

/** What weights, KV pages and the JS heap may take together of the 128 MB that an isolate has. */
const ISOLATE_BYTES = 100e6;
/**
 * Of these, for the JS heap after a collection: tokenizer tables, code, requests under way (6 MB and 3 MB of buffers
 * measured).
 */
const HEAP_BYTES = 12e6;

/** KV pages that fit the budget beside the weights. Throws `draft_too_large` when not even one does. */
export function poolPages(header: PackHeader): number {
  const page = pageBytes(totalKvHeads(header.config), header.config.headSize);
  const fixed = planMemory(header, 0, 1).bytes;
  const pages = Math.floor((ISOLATE_BYTES - HEAP_BYTES - fixed) / page);
  if (pages < 1) {
    throw new OutriderError(
      "draft_too_large",
      `the draft needs ${fixed} bytes before its first KV page of ${page}; ${ISOLATE_BYTES - HEAP_BYTES} are ` +
        `available. Squeeze it further, or set KV_PAGES where isolates have more memory`,
      { status: 500 },
    );
  }
  return pages;
}
