/**
 * One generation: verdicts in, tokens out, drafts back. Two activities share the timeline.
 *
 *   deciding   verdict → append → yield its tokens at once → next verdict
 *   drafting   drafter.sync → propose → submit → draft on behind it, until a verdict shows a wrong token
 *
 * Neither waits for the other. The first token does not wait for the drafter's prefill. A slow, wrong, failing or hung
 * drafter costs speed only, since its tokens reach the timeline only through verdicts. A draft whose first tokens the
 * target has decided meanwhile is still good for the rest.
 *
 * What is drafted behind a sent draft is a bet: that all of the draft is kept, and that the target's next token is the
 * drafter's guess. A verdict either lands inside of what was drafted, and the rest stands, or the rest is thrown away.
 * The drafter's keys and values of a lost bet need no place of their own: `sync` cuts them back with the wrong token.
 */
import { Pace } from "./pace.ts";
import type { Candidate, Drafter, Proposed, Refused, Sibling, Verdict, Verifier } from "./types.ts";
import type { Window } from "./window.ts";

export interface DecidedToken {
  readonly id: number;
  /** A draft token, rather than the target's own. */
  readonly kept: boolean;
  /** The draft tokens that the pass scored from this position on and rejected; absent where it rejected none here. */
  readonly rejected?: readonly number[];
}

/** What one verdict added to the timeline. */
export interface Step {
  readonly tokens: readonly DecidedToken[];
  readonly verdict: Verdict;
  /** Draft tokens sent so far; whoever leaves early gets no Summary. */
  readonly drafted: number;
  /** Positions so far at which the target verified a draft token, all before it being kept. */
  readonly verified: number;
  /** Draft steps so far whose token no pass has verified, those included that stand at the moment. */
  readonly thrown: number;
  readonly prediction: Copied;
  /** Set once the drafter has failed; the generation goes on without it. */
  readonly draftError?: unknown;
}

/** Draft tokens that are copies of the client's prediction, siblings among them. */
export interface Copied {
  /** Those sent so far. */
  readonly drafted: number;
  /** Those kept so far. */
  readonly kept: number;
}

export interface Summary {
  readonly reason: "stop" | "length";
  /** Draft tokens sent. */
  readonly drafted: number;
  /** Positions at which the target verified a draft token, all before it being kept. */
  readonly verified: number;
  /** Draft tokens kept, siblings among them. */
  readonly kept: number;
  /** Draft steps thrown away: those whose token no pass has verified. */
  readonly thrown: number;
  /** Target passes, the prompt's included. */
  readonly passes: number;
  readonly prediction: Copied;
  readonly draftError?: unknown;
}

/** A draft token that the target has not decided on. */
interface Guess extends Proposed {
  /** Whether it was sent to the origin. */
  sent: boolean;
  /** Alternatives for its position that were sent to the origin. */
  readonly siblings: Candidate[];
}

/** What a verdict decided, as a part of the timeline, and what it refused. */
interface Lesson {
  readonly from: number;
  readonly to: number;
  readonly refused: Refused | undefined;
}

/**
 * How long the drafter waits behind the question to the origin, in ms: the frame only leaves while this thread rests,
 * and the first verdict is not to wait for the drafter.
 */
const FRAME_MS = 3;

/** Tells the origin that no draft will come any more: an empty draft declines every position up to its own. */
const NEVER = Number.MAX_SAFE_INTEGER;

interface Generation {
  /**
   * One step per verdict. Rejects with the verifier's error when the origin is lost for good. Nothing happens before
   * the first `next`. Leaving early (`return`) closes the verifier; to end a `next` under way, close the verifier.
   */
  readonly steps: AsyncGenerator<Step, Summary>;
  /**
   * Resolves when this generation no longer uses its drafter, at most one slice of work after the last step. Only then
   * may the drafter's state be read or another generation use the drafter.
   */
  idle(): Promise<void>;
}

/** Decides tokens until the target stops, and appends them to `timeline`. The drafter must be idle. */
export function generate(timeline: number[], drafter: Drafter | null, verifier: Verifier, window: Window): Generation {
  const exchange = new Exchange(timeline, verifier, window);
  let drafting = Promise.resolve();
  const start = () => {
    if (drafter) drafting = exchange.draft(drafter);
  };
  return { steps: decide(exchange, verifier, start), idle: () => drafting };
}

async function* decide(exchange: Exchange, verifier: Verifier, start: () => void): AsyncGenerator<Step, Summary> {
  start();
  try {
    for (;;) {
      const answer = await verifier.next();
      if ("reason" in answer) return exchange.summary(answer.reason);
      yield exchange.decide(answer);
    }
  } finally {
    exchange.end();
    verifier.close();
  }
}

/** What deciding and drafting share. */
class Exchange {
  readonly #timeline: number[];
  readonly #verifier: Verifier;
  readonly #window: Window;
  readonly #pace: Pace;
  /** ahead[i] was proposed for position timeline.length + i. */
  #ahead: Guess[] = [];
  #last: Verdict | null = null;
  #drafted = 0;
  #verified = 0;
  #kept = 0;
  /** Of the drafted and of the kept tokens, those of the client's prediction. */
  #copied = 0;
  #copiedKept = 0;
  /** Draft steps. */
  #made = 0;
  /** Draft tokens in a row that were right, up to the end of the timeline. */
  #right = 0;
  /** The patience that the origin was sent last, in ms. */
  #sentPatience: number;
  #draftError: unknown;
  #ended = false;
  /** Whether the drafter is at work, and whether it has been since the last verdict. */
  #working = false;
  #worked = false;
  /** Whether the drafter has read the prompt. */
  #hasRead = false;
  /** Verdicts that the drafter has not been told of. */
  readonly #lessons: Lesson[] = [];
  /** Resumes a drafting that waits for a verdict. */
  #wake: () => void = () => {};

  constructor(timeline: number[], verifier: Verifier, window: Window) {
    this.#timeline = timeline;
    this.#verifier = verifier;
    this.#window = window;
    this.#pace = new Pace(window.history);
    this.#sentPatience = window.patience;
  }

  decide(verdict: Verdict): Step {
    const { history } = this.#window;
    if (verdict.passCost) history.expect(verdict.passCost);
    if (verdict.load !== undefined) history.load = verdict.load;
    this.#pace.learn(verdict, this.#worked);
    this.#worked = this.#working;
    this.#last = verdict;
    this.#kept += verdict.kept;
    const scored = verdict.scored - (verdict.siblingsScored ?? 0);
    let refused: Refused | undefined;
    const tokens = verdict.tokens.map((id, i): DecidedToken => {
      const guess = this.#ahead.shift();
      let rejected: number[] = [];
      if (guess) {
        // The origin may decide a position while its draft token is still on the way.
        if (guess.sent && i < scored) this.#verified++;
        history.outcome(guess.confidence, guess.id === id, this.#right);
        if (guess.id !== id) {
          if (guess.sent) rejected = [guess, ...this.#ahead].slice(0, Math.max(0, scored - i)).map((wrong) => wrong.id);
          if (verdict.recycled?.length === rejected.length) refused = { tokens: rejected, next: verdict.recycled };
          // Whatever was drafted after a wrong token belongs to another timeline.
          this.#ahead = [];
        }
      }
      if (i < verdict.kept && proposalOf(guess, id)?.source === "prediction") this.#copiedKept++;
      this.#right = guess?.id === id ? this.#right + 1 : 0;
      this.#timeline.push(id);
      return { id, kept: i < verdict.kept, ...(rejected.length > 0 && { rejected }) };
    });
    this.#lessons.push({ from: verdict.position, to: this.#timeline.length, refused });
    this.#wake();
    return { tokens, verdict, ...this.#counts, ...this.#failure };
  }

  summary(reason: Summary["reason"]): Summary {
    const passes = this.#last?.passes ?? 0;
    return { reason, kept: this.#kept, passes, ...this.#counts, ...this.#failure };
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  get #counts() {
    const prediction = { drafted: this.#copied, kept: this.#copiedKept };
    return { drafted: this.#drafted, verified: this.#verified, thrown: this.#made - this.#verified, prediction };
  }

  get #failure(): { draftError?: unknown } {
    return this.#draftError === undefined ? {} : { draftError: this.#draftError };
  }

  async draft(drafter: Drafter): Promise<void> {
    try {
      await this.#verifier.asked;
      await new Promise((resolve) => setTimeout(resolve, FRAME_MS));
      /** Length of the timeline for which nothing more is to be drafted. */
      let settled = -1;
      while (!this.#ended && !this.#last?.undrafted) {
        if (settled === this.#timeline.length || this.#verifier.ready) {
          this.#working = false;
          await new Promise<void>((wake) => {
            this.#wake = wake;
          });
          continue;
        }
        const position = this.#timeline.length;
        if (await this.#draftAt(position, drafter)) {
          // Lets a verdict that has arrived be decided first.
          await new Promise((resolve) => setTimeout(resolve, 0));
        } else {
          settled = position;
          this.#pace.pause(position);
        }
      }
    } catch (error) {
      this.#draftError = error ?? new Error("the drafter failed without a reason");
      if (!this.#ended) this.#verifier.submit({ position: NEVER, tokens: [] });
    }
  }

  #work(): void {
    this.#working = true;
    this.#worked = true;
  }

  /** Drafts once for the timeline as it is. False when nothing more is to be done before it grows. */
  async #draftAt(position: number, drafter: Drafter): Promise<boolean> {
    for (const { from, to, refused } of this.#lessons.splice(0)) {
      drafter.learn?.(this.#timeline.slice(0, to), from, refused);
    }
    const standing = [...this.#ahead];
    const read = () => drafter.sync([...this.#timeline, ...standing.map((guess) => guess.id)]);
    // Before the first verdict the target reads the prompt, and no draft can be part of that pass: read the prompt too,
    // unless that delays the target.
    if (!this.#last) {
      if (this.#window.readsAlong) {
        this.#work();
        await read();
        this.#hasRead = !this.#last;
        await drafter.settle?.(() => !this.#ended && !this.#verifier.ready);
      }
      return false;
    }
    const { max, others, each, more } = this.#window.plan(standing, this.#last.siblings);
    const fresh = standing[0]?.sent !== true;
    const upToDate = () => !this.#ended && !this.#verifier.ready && this.#timeline.length === position;
    if (max === 0) {
      if (fresh) this.#submit(position, standing, [], each);
      await drafter.settle?.(upToDate);
      return false;
    }
    this.#work();
    // The drafter's first reading may be the prompt's, which is not timed.
    if (standing.length === 0 && this.#hasRead) this.#pace.begin(position);
    await read();
    this.#hasRead = true;
    if (!upToDate()) return true;
    const proposed = await drafter.propose(max, (last) => more(last) && upToDate(), others);
    if (!drafter.copiesAlone && proposed.some(({ source }) => source !== "model")) this.#pace.forget();
    this.#made += Math.min(max, proposed.length);
    // A verdict that came meanwhile decides whether a bet goes on. A first draft is late by then, and goes as it is.
    const complete = each || fresh || upToDate();
    this.#submit(position, standing, proposed.slice(0, max), each, complete);
    return proposed.length > 0;
  }

  /**
   * Puts the tokens proposed at `position` behind the guesses that stood there, and sends as much of them as is of use.
   * Tokens decided meanwhile use up the front of the draft; if they differ from it, the draft is dropped.
   *
   * @param each tokens are sent as they are made
   * @param complete whether what was proposed may be sent
   */
  #submit(
    position: number,
    standing: readonly Guess[],
    proposed: readonly Proposed[],
    each: boolean,
    complete = true,
  ): void {
    if (this.#ended || (proposed.length === 0 && standing[0]?.sent)) return;
    const guesses: Guess[] = [...standing, ...proposed.map((token) => ({ ...token, sent: false, siblings: [] }))];
    const decided = this.#timeline.slice(position);
    if (decided.some((id, i) => guesses[i]?.id !== id)) return;
    const rest = guesses.slice(decided.length);
    const { policy, patience } = this.#window;
    const waits = patience > 0 || (policy.patience === "auto" && this.#sentPatience > 0);
    // An empty draft tells an origin that waits not to. It is pointless once the timeline has moved on or nobody waits.
    if (rest.length === 0 && (decided.length > 0 || !waits)) return;
    this.#ahead = rest;
    if (!complete) return;
    if (each || rest[0]?.sent) {
      this.#send(rest);
      return;
    }
    const { length, others } = this.#window.choose(rest);
    this.#send(rest.slice(0, length), others);
  }

  #count({ source }: Candidate): void {
    this.#drafted++;
    if (source === "prediction") this.#copied++;
  }

  /** @param others the siblings that go along with each token; those sent with it before unless given */
  #send(draft: readonly Guess[], others: readonly (readonly Candidate[])[] = []): void {
    const { policy, patience } = this.#window;
    const siblings: Sibling[] = [];
    for (const [at, guess] of draft.entries()) {
      if (!guess.sent) this.#count(guess);
      guess.sent = true;
      for (const other of others[at] ?? guess.siblings) {
        siblings.push({ at, id: other.id });
        if (guess.siblings.includes(other)) continue;
        guess.siblings.push(other);
        this.#count(other);
      }
    }
    this.#sentPatience = patience;
    const most = this.#window.scored(draft);
    this.#verifier.submit({
      position: this.#timeline.length,
      tokens: draft.map((guess) => guess.id),
      ...(siblings.length > 0 && { siblings }),
      ...(draft.length > most && { most }),
      ...(policy.patience === "auto" && { patience }),
    });
  }
}

/** What proposed a token: the draft itself or one of its siblings. */
const proposalOf = (guess: Guess | undefined, id: number): Candidate | undefined =>
  guess?.id === id ? guess : guess?.siblings.find((sibling) => sibling.id === id);
