/** How often drafting lets the other events of the isolate run: neighbours wait about 20 ms at most. */

/** Tokens that a model drafts between two pauses. */
export const DRAFT_SLICE = 3;

/** Resolves when other events have run. Another session may have taken a cache's pages by then. */
export const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
