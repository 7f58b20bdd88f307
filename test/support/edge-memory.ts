/** What an edge isolate takes with eight conversations of 1,000 tokens in it, its draft having read every token. */
import { expect } from "vitest";
import { planMemory } from "../../src/core/draft/memory-plan.ts";
import { targetOf } from "../../src/core/format/pack-header.ts";
import { poolPages } from "../../src/edge/draft/budget.ts";
import { ask, chat } from "./chat.ts";
import { isolateMemory } from "./inspector.ts";
import { scriptedOrigin } from "./scripted-engine.ts";
import { startEdge } from "./service.ts";
import { packHeader } from "./tiny.ts";

const SESSIONS = 8;
/** About 1,000 tokens, different for each session. */
const longText = (session: number): string =>
  Array.from({ length: 150 }, (_, i) => `Line ${(session * 37 + i) % 100} of the log`).join(". ");

export interface EdgeMemory {
  /** Tokens of each conversation. */
  readonly lengths: readonly number[];
  readonly heapBytes: number;
  readonly bufferBytes: number;
  /** With the WASM memory. */
  readonly total: number;
  /** All of it for a log. */
  readonly words: string;
}

/**
 * Starts an edge with the draft's pack and a scripted origin, fills it, and asks its isolate. What a target decides
 * takes no memory at the edge.
 */
export async function edgeMemory(draft: string): Promise<EdgeMemory> {
  const header = packHeader(draft);
  const { model } = targetOf(header);
  const origin = await scriptedOrigin({}, 0, { model, vocabulary: header.vocabulary });
  const originUrl = `http://127.0.0.1:${origin.server.port}`;
  const edge = await startEdge({ targetPack: draft, draftPack: draft, originUrl });
  try {
    const lengths: number[] = [];
    for (let session = 0; session < SESSIONS; session++) {
      const { timings } = await chat(edge.url, ask(longText(session)), {
        model,
        session: `memory-${session}`,
        maxTokens: 8,
        // The draft reads a thousand tokens first, and the scripted target none.
        outrider: { draft: "model", patience_ms: 300_000 },
      });
      expect(timings.draft_n, "the draft ran").toBeGreaterThan(0);
      lengths.push(timings.cache_n + timings.prompt_n + timings.predicted_n);
    }
    const { heapBytes, bufferBytes } = await isolateMemory(edge.inspectorPort, () =>
      chat(edge.url, ask("Hello"), { model, session: "memory-poke", maxTokens: 2, outrider: { draft: "off" } }),
    );
    const pages = poolPages(header);
    const arenaBytes = planMemory(header, pages, 1).bytes;
    const total = arenaBytes + heapBytes + bufferBytes;
    const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
    const words =
      `edge isolate: WASM ${megabytes(arenaBytes)} (${pages} KV pages), JS heap ${megabytes(heapBytes)}, ` +
      `buffers ${megabytes(bufferBytes)}, together ${megabytes(total)}`;
    return { lengths, heapBytes, bufferBytes, total, words };
  } finally {
    await edge.stop();
    await origin.server.close();
  }
}
