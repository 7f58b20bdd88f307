/**
 * One generation at the origin: prefill in slices, then target passes until the answer ends.
 *
 * Before each pass it looks for a draft that fits. With patience 0 it takes what has arrived and never waits, so it is
 * as fast as decoding alone. Otherwise it waits up to `patience` ms, which any draft may change, unless the drafter has
 * declined. Patience is for a drafter that is at work: after two waits in vain it waits again only once a draft fits.
 * While it waits for nobody, an engine that can stream does so until a draft fits.
 *
 * The sequence is worked on only through the lease, once there is room for the pass and it is this generation's turn.
 * Whoever takes the session over waits for the slice or pass under way.
 */
import type { Following } from "../core/grammar/following.ts";
import { OutriderError } from "../core/model/errors.ts";
import type { Decision } from "../core/speculate/accept.ts";
import { Shapers } from "../core/speculate/shaping.ts";
import { beginningOf, type Done, type Draft, type DraftTokens, type Verdict } from "../core/speculate/types.ts";
import type { OpenFrame } from "../core/verify/protocol.ts";
import { Drafts, type Fitting } from "./drafts.ts";
import type { Deciding, TargetEngine } from "./engine.ts";
import { type Lease, taken } from "./lease.ts";

/** Longest time between two looks at whether the generation still has its session, in ms. */
const LOOK_MS = 100;
/** Between two looks at whether there is room again, and at whose turn it is, in ms. */
const ROOM_MS = 20;
const TURN_MS = 1;
const MAX_UNANSWERED = 2;
const UNDRAFTED = { undrafted: true } as const;
const SIBLINGS = { siblings: true } as const;
const NO_DRAFT: Fitting = { tokens: [] };
const NOTHING: Required<DraftTokens> = { tokens: [], siblings: [] };
/** Verdicts whose time of sending is remembered. */
const MAX_SENT = 32;

/** What a generation takes from its gateway. */
interface Surroundings {
  readonly engine: Pick<TargetEngine, "vocabulary" | "context" | "capabilities" | "passCost">;
  /** Longest patience in ms, whatever the edge asks for. */
  readonly mostPatience: number;
  /** Tokens of one answer at most, whatever the edge asks for; no limit unless given. */
  readonly maxTokens?: number;
  /** As `Verdict.load`. */
  load?(): number;
  /**
   * Milliseconds of a steady clock. In a deployed Worker it stands still during a pass, and steps are reported as 0.
   */
  now(): number;
}

/** Called after each pass with its verdict, and with what the engine returned. */
type Emit = (verdict: Verdict, decision: Decision) => void;

export class Generation {
  readonly open: OpenFrame;
  /** Tokens decided, target passes, and draft tokens kept so far. */
  decided = 0;
  passes = 0;
  kept = 0;
  /** Slices computed so far. */
  slices = 0;
  readonly #surroundings: Surroundings;
  readonly #drafts: Drafts;
  #deciding: Deciding;
  /** What form the answer must have, if any. */
  #following: Following | null = null;
  /** Draft tokens of one pass; 0 where the engine cannot verify any under this sampling. */
  readonly #maxDraft: number;
  /** Whether the engine draws by itself, without the noise. */
  readonly #drawsItself: boolean;
  /** When the last verdicts were sent, by the position at which they ended. */
  readonly #sentAt = new Map<number, number>();
  #stream: AsyncGenerator<number, void> | null = null;
  #unanswered = 0;
  #left = false;

  constructor(open: OpenFrame, surroundings: Surroundings) {
    const { capabilities } = surroundings.engine;
    this.open = open;
    this.#surroundings = surroundings;
    this.#drafts = new Drafts(surroundings.now);
    const { sampling, shaping, logprobs, rule, stop } = open;
    this.#deciding = { sampling, shapers: Shapers.of(shaping, { stop }), logprobs, rule, stop: new Set(stop) };
    this.#drawsItself = !capabilities.drafted(open.sampling);
    this.#maxDraft = this.#drawsItself ? 0 : capabilities.maxDraft;
  }

  /** Holds the answer to a form. To be called before `decide`. */
  constrain(following: Following): void {
    const { shaping, stop } = this.open;
    this.#following = following;
    this.#deciding = { ...this.#deciding, shapers: Shapers.of(shaping, { stop }, [following]) };
  }

  /** Tokens of the timeline that `open` describes. */
  get promptTokens(): number {
    return this.open.keep + this.open.prompt.length;
  }

  /** Tokens that may still be decided. */
  get undecided(): number {
    return Math.min(this.open.maxTokens, this.#surroundings.maxTokens ?? this.open.maxTokens) - this.decided;
  }

  /** True once nobody is interested in the rest. */
  get left(): boolean {
    return this.#left;
  }

  /** The edge went away, or has what it asked for: the generation ends within one slice or pass. */
  leave(): void {
    this.#left = true;
    this.#drafts.wake();
  }

  /** A draft has arrived. What follows an id that the vocabulary lacks cannot be kept and is left out. */
  draft({ position, patience, most, tokens, siblings }: Draft): void {
    const { size } = this.#surroundings.engine.vocabulary;
    const valid = beginningOf({ tokens, siblings }, tokens.length, (id) => id < size);
    this.#drafts.put({ position, patience, most, ...valid });
  }

  /**
   * Runs one slice or pass once there is room for `tokens` tokens and it is this generation's turn. Null after `leave`.
   * Rejects with `session_taken`, and with what the work rejects with.
   */
  async work<T>(lease: Lease, tokens: number, work: () => Promise<T>): Promise<T | null> {
    for (;;) {
      if (!this.#goesOn(lease)) return null;
      if (!lease.grow(tokens)) await pause(ROOM_MS);
      else if (!lease.isTurn) await pause(TURN_MS);
      else return lease.pass(work);
    }
  }

  /**
   * Decides until the answer ends. Resolves to null after `leave`. Rejects with `session_taken` once another connection
   * has the session, and with what the engine rejects with.
   *
   * @param lease of a sequence that holds the timeline of `open`
   */
  async decide(lease: Lease, emit: Emit): Promise<Done["reason"] | null> {
    const { now, engine } = this.#surroundings;
    try {
      for (;;) {
        await this.#prefill(lease);
        const lookedAt = now();
        const draft = await this.#nextDraft(lease);
        if (!this.#goesOn(lease)) return null;
        const position = lease.timeline.length;
        const most = Math.min(this.undecided, engine.context - position);
        let scored = this.#formed(lease.timeline, this.#cut(draft, most - 1));
        // A draft is worth nobody's keys and values.
        if (!lease.grow(position + positionsIn(scored))) scored = NOTHING;
        let startedAt = now();
        const decision = await this.work(lease, position + positionsIn(scored), () => {
          startedAt = now();
          return lease.shrunk ? Promise.resolve(null) : this.#passed(lease, scored, most);
        });
        if (!this.#goesOn(lease)) return null;
        if (!decision) continue;
        emit(this.#verdict(position, scored, decision, { lookedAt, startedAt }), decision);
        if (this.#deciding.stop.has(lease.timeline.at(-1)!)) return "stop";
        if (this.undecided <= 0 || lease.timeline.length >= engine.context) return "length";
      }
    } finally {
      await this.#endStream();
    }
  }

  /** Computes what the next pass would otherwise compute first, slice by slice. */
  async #prefill(lease: Lease): Promise<void> {
    lease.shrunk = false;
    const slice = () => lease.sequence.prefill();
    while (await this.work(lease, lease.timeline.length, slice)) {
      this.slices++;
      await breathe();
    }
  }

  #goesOn(lease: Lease): boolean {
    if (!lease.holds) throw taken();
    return !this.#left;
  }

  get #patience(): number {
    return Math.min(this.#drafts.patience ?? this.open.patience, this.#surroundings.mostPatience);
  }

  get #waits(): boolean {
    return this.#patience > 0 && this.#maxDraft > 0 && this.#unanswered < MAX_UNANSWERED;
  }

  /** A draft that fits, or none. The prompt's own pass never waits. */
  async #nextDraft(lease: Lease): Promise<Fitting> {
    const { now } = this.#surroundings;
    const began = now();
    await breathe();
    for (;;) {
      const { timeline } = lease;
      const draft = this.#drafts.take(timeline);
      const declined = this.#drafts.declines(timeline.length);
      if (draft || declined) this.#unanswered = 0;
      if (draft) return draft;
      if (this.passes === 0 || !this.#waits || declined || !this.#goesOn(lease)) return NO_DRAFT;
      const left = began + this.#patience - now();
      if (left <= 0) {
        this.#unanswered++;
        return NO_DRAFT;
      }
      await this.#drafts.arrival(Math.min(left, LOOK_MS));
    }
  }

  /** Of a draft as many tokens as may still be kept, and as many of their siblings as the pass can score besides. */
  #cut(draft: Fitting, most: number): Required<DraftTokens> {
    const { tokens, siblings } = beginningOf(draft, Math.max(0, Math.min(this.#maxDraft, most, draft.most ?? most)));
    const verifies = this.#surroundings.engine.capabilities.siblings;
    return { tokens, siblings: verifies ? siblings.slice(0, this.#maxDraft - tokens.length) : [] };
  }

  /** Of a draft what the answer's form takes: the rest cannot be kept. */
  #formed(timeline: readonly number[], draft: Required<DraftTokens>): Required<DraftTokens> {
    const following = this.#following;
    if (!following || draft.tokens.length === 0) return draft;
    const before = [...timeline];
    let length = 0;
    for (const token of draft.tokens) {
      if (!following.takes(before, token)) break;
      before.push(token);
      length++;
    }
    const takes = (at: number, id: number) => following.takes([...timeline, ...draft.tokens.slice(0, at)], id);
    const siblings = draft.siblings.filter(({ at, id }) => at < length && takes(at, id));
    return { tokens: draft.tokens.slice(0, length), siblings };
  }

  /**
   * One pass, and behind its tokens those that alone may follow: the target would choose them, whatever it thinks.
   * Where log probabilities are told it is asked all the same.
   */
  async #passed(lease: Lease, scored: Required<DraftTokens>, most: number): Promise<Decision> {
    const decision = await this.#pass(lease, scored, most);
    const following = this.#following;
    if (!following || this.#deciding.logprobs !== undefined) return decision;
    const tokens = [...decision.tokens];
    while (tokens.length > 0 && tokens.length < most && !this.#deciding.stop.has(tokens.at(-1)!)) {
      const only = following.only(lease.timeline);
      if (only === null) break;
      lease.sequence.append([only]);
      tokens.push(only);
    }
    return { ...decision, tokens };
  }

  /**
   * One pass over a draft. Without one, and while nobody is waited for, a server as engine goes on with a single
   * request: the pass is then its next token. Greedy tokens do not depend on the noise, which a server does not know,
   * and where it draws by itself it knows all that it needs.
   */
  async #pass(lease: Lease, { tokens, siblings }: Required<DraftTokens>, most: number): Promise<Decision> {
    const { sequence } = lease;
    const { sampling, shapers, logprobs } = this.#deciding;
    const plain = (sampling.temperature === 0 || this.#drawsItself) && !shapers && logprobs === undefined;
    const streams = plain && tokens.length === 0 && !this.#waits;
    if (!streams || !sequence.stream) {
      await this.#endStream();
      return sequence.decide(tokens, this.#deciding, siblings);
    }
    this.#stream ??= sequence.stream(sampling, most);
    const stream = this.#stream;
    const { value, done } = await stream.next();
    return { kept: 0, tokens: done ? [] : [value] };
  }

  async #endStream(): Promise<void> {
    const stream = this.#stream;
    this.#stream = null;
    await stream?.return();
  }

  #verdict(
    position: number,
    scored: Required<DraftTokens>,
    { kept, tokens, logprobs, recycled, passes = 1 }: Decision,
    { lookedAt, startedAt }: { readonly lookedAt: number; readonly startedAt: number },
  ): Verdict {
    if (tokens.length === 0) {
      throw new OutriderError("engine_failed", "the engine gave no token", { status: 502, retryable: true });
    }
    const { capabilities, passCost } = this.#surroundings.engine;
    const first = this.passes === 0 && passCost !== undefined;
    this.passes += passes;
    this.decided += tokens.length;
    this.kept += kept;
    const now = this.#surroundings.now();
    const arrival = this.#arrival();
    this.#sentAt.set(position + tokens.length, now);
    if (this.#sentAt.size > MAX_SENT) this.#sentAt.delete(this.#sentAt.keys().next().value!);
    return {
      position,
      kept,
      tokens,
      passes: this.passes,
      scored: scored.tokens.length + scored.siblings.length,
      ...(scored.siblings.length > 0 && { siblingsScored: scored.siblings.length }),
      stepMs: now - startedAt,
      waitMs: startedAt - lookedAt,
      arrival,
      ...(this.#maxDraft === 0 ? UNDRAFTED : capabilities.siblings && SIBLINGS),
      load: this.#surroundings.load?.(),
      ...(recycled && { recycled }),
      ...(logprobs && { logprobs }),
      ...(first && { passCost }),
    };
  }

  /** As `Verdict.arrival`. */
  #arrival(): Verdict["arrival"] {
    const newest = this.#drafts.newest();
    const sent = newest ? this.#sentAt.get(newest.position) : undefined;
    if (!newest || sent === undefined) return undefined;
    return { position: newest.position, tokens: newest.tokens, ms: newest.at - sent };
  }
}

/** Positions that a pass over a draft adds to the timeline, until it is known which are kept. */
const positionsIn = ({ tokens, siblings }: Required<DraftTokens>): number => tokens.length + siblings.length;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets sockets and timers of other work run. Where there is setImmediate it spares the millisecond of a timer. */
export const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    if (typeof setImmediate === "function") setImmediate(resolve);
    else setTimeout(resolve, 0);
  });
