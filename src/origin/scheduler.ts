/**
 * One generation at the origin: prefill in slices, then target passes until the answer ends.
 *
 * Before each pass it looks for a draft that fits. With patience 0 it takes what has arrived and never waits, so it is
 * as fast as decoding alone; otherwise it waits up to `patience` ms, which any draft may change, unless the drafter has
 * declined. A drafter that has let two waits run out is not waited for again until one of its drafts fits: patience is for a
 * drafter that is at work. Where nobody is waited for, an engine that can stream does so until a draft fits.
 */
import { OutriderError } from "../model/errors.ts";
import { beginningOf } from "../speculate/draft-tokens.ts";
import type { Done, DraftTokens, Verdict } from "../speculate/types.ts";
import type { Drafts } from "./drafts.ts";
import type { Deciding } from "./engine.ts";
import { Passes, type Worked } from "./passes.ts";

/** Longest time between two looks at whether the generation still has its session, in ms. */
const LOOK_MS = 100;
const MAX_UNANSWERED = 2;
const UNDRAFTED = { undrafted: true } as const;
const SIBLINGS = { siblings: true } as const;
const NO_DRAFT: DraftTokens = { tokens: [] };
/** Verdicts whose time of sending is remembered. */
const MAX_SENT = 32;

export interface Task extends Deciding {
  /** ms, unless a draft says otherwise. */ readonly patience: number;
  /** Longest that anybody may ask for, ms. */ readonly mostPatience: number;
  /** Tokens to decide at most. */ readonly maxTokens: number;
  /** Longest timeline in tokens. */ readonly context: number;
  /** Draft tokens that one pass scores at most; 0 where the engine judges none. */ readonly maxDraft: number;
  /** As `Capabilities.siblings`. */ readonly siblings: boolean;
}

export interface Ended extends Done {
  readonly decided: number;
  readonly passes: number;
}

/** How a generation is tied to its surroundings. */
export interface Ties {
  /** False once the client left; throws once another connection took the session. Asked before every slice and pass. */
  alive(): boolean;
  /** After each pass, with how many tokens of the timeline the engine says that it had cached. */
  emit(verdict: Verdict, cached: number): void;
  /** Milliseconds of a steady clock. In a deployed Worker it stands still during a pass, and steps are reported as 0. */
  now(): number;
}

/** Lets sockets and timers of other work run. Where there is setImmediate it spares the millisecond of a timer. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });

/** Decides until the answer ends. Resolves to null when `alive` says no. Rejects with what the engine rejects with. */
export async function decideAll(sequence: Worked, task: Task, drafts: Drafts, ties: Ties): Promise<Ended | null> {
  const { timeline } = sequence;
  let decided = 0;
  let passes = 0;
  let unanswered = 0;
  const engine = new Passes(sequence, task);
  /** When the last verdicts were sent, by the position at which they ended. */
  const sentAt = new Map<number, number>();

  const patience = () => Math.min(drafts.patience ?? task.patience, task.mostPatience);
  const waits = () => patience() > 0 && task.maxDraft > 0 && unanswered < MAX_UNANSWERED;

  /** A fitting draft, or none. The prompt's own pass never waits. */
  const nextDraft = async (): Promise<DraftTokens> => {
    const began = ties.now();
    await breathe();
    for (;;) {
      const draft = drafts.take(timeline);
      if (draft || drafts.declines(timeline.length)) unanswered = 0;
      if (draft) return draft;
      if (passes === 0 || !waits() || drafts.declines(timeline.length) || !ties.alive()) return NO_DRAFT;
      const left = began + patience() - ties.now();
      if (left <= 0) {
        unanswered++;
        return NO_DRAFT;
      }
      await drafts.arrival(Math.min(left, LOOK_MS));
    }
  };

  try {
    for (;;) {
      while (ties.alive() && (await sequence.prefill())) await breathe();
      const waitStart = ties.now();
      const draft = await nextDraft();
      if (!ties.alive()) return null;
      const position = timeline.length;
      const left = Math.min(task.maxTokens - decided, task.context - position);
      const start = ties.now();
      const scored = cut(draft, left - 1, task);
      const { kept, tokens, passes: taken = 1, cached = 0 } = await engine.next(scored, waits(), left);
      if (tokens.length === 0) {
        throw new OutriderError("engine_failed", "the engine gave no token", { status: 502, retryable: true });
      }
      passes += taken;
      decided += tokens.length;
      const now = ties.now();
      const newest = drafts.newest();
      const sent = newest ? sentAt.get(newest.position) : undefined;
      const turn =
        newest && sent !== undefined
          ? { position: newest.position, tokens: newest.tokens, ms: newest.at - sent }
          : undefined;
      sentAt.set(timeline.length, now);
      if (sentAt.size > MAX_SENT) sentAt.delete(sentAt.keys().next().value!);
      const times = { stepMs: now - start, waitMs: start - waitStart, turn };
      const judged = { position, kept, tokens, passes, scored: scored.tokens.length + scored.siblings.length };
      const can = task.maxDraft === 0 ? UNDRAFTED : task.siblings && SIBLINGS;
      ties.emit({ ...judged, ...times, ...can }, cached);
      if (task.stop.has(tokens.at(-1)!)) return { reason: "stop", decided, passes };
      if (decided >= task.maxTokens || timeline.length >= task.context) return { reason: "length", decided, passes };
    }
  } finally {
    await engine.end();
  }
}

/** Of a draft as many tokens as may still be kept, and as many of their siblings as a pass has room for besides. */
function cut(draft: DraftTokens, most: number, { maxDraft, siblings: judged }: Task) {
  const { tokens, siblings } = beginningOf(draft, Math.max(0, Math.min(maxDraft, most)));
  return { tokens, siblings: judged ? siblings.slice(0, maxDraft - tokens.length) : [] };
}
