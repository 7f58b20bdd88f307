/** The first tokens, which every query attends to: Xiao et al. 2024, StreamingLLM (arXiv 2309.17453), section 3.1. */
export const SINKS = 4;

/** How many of `most` keys they are. */
export const sinks = (most: number): number => Math.min(SINKS, most);
