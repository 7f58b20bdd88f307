/**
 * One generation: verdicts in, tokens out, drafts back. Two activities share the timeline.
 *
 *   deciding   verdict → append → yield its tokens at once → next verdict
 *   drafting   timeline grew → drafter.sync → propose → submit → wait for the timeline to grow, or draft on
 *
 * Neither waits for the other: the first token does not wait for the drafter's prefill, and a slow, wrong, failing or
 * hung drafter costs speed only, since nothing it makes reaches the timeline but through a verdict. A draft whose first
 * tokens the target has meanwhile decided is still good for the rest.
 */
import { Pace } from "./pace.ts";
import type { Candidate, Drafter, Proposed, Sibling, Verdict, Verifier } from "./types.ts";
import type { Window } from "./window.ts";

export interface DecidedToken {
  readonly id: number;
  /** A draft token, rather than the target's own. */
  readonly kept: boolean;
}

/** What one verdict added to the timeline. */
export interface Step {
  readonly tokens: readonly DecidedToken[];
  readonly verdict: Verdict;
  /** Draft tokens sent so far; whoever leaves early gets no Summary. */
  readonly drafted: number;
  /** Places so far at which the target judged draft tokens, all before them kept. */
  readonly judged: number;
  /** Set on the first step after the drafter failed; the generation goes on without it. */
  readonly draftError?: unknown;
}

export interface Summary {
  readonly reason: "stop" | "length";
  /** Draft tokens sent. */
  readonly drafted: number;
  /** Places at which the target judged draft tokens, all before them kept. */
  readonly judged: number;
  /** Of these, those at which it kept one. */
  readonly kept: number;
  /** Target passes, the prompt's included. */
  readonly passes: number;
  readonly bySource: Readonly<Record<Candidate["source"], { readonly drafted: number; readonly kept: number }>>;
  readonly draftError?: unknown;
}

/** A draft token that the target has not decided on. */
interface Guess extends Proposed {
  /** Whether the origin was told. */
  sent: boolean;
  /** Others for its place that the origin was told of. */
  readonly siblings: Candidate[];
}

/** Tells the origin that no draft will come any more: an empty draft declines every position up to its own. */
const NEVER = Number.MAX_SAFE_INTEGER;

export interface Generation {
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
  const table = new Table(timeline, verifier, window);
  let drafting = Promise.resolve();
  const start = () => {
    if (drafter) drafting = table.draft(drafter);
  };
  return { steps: decide(table, verifier, start), idle: () => drafting };
}

async function* decide(table: Table, verifier: Verifier, start: () => void): AsyncGenerator<Step, Summary> {
  start();
  try {
    for (;;) {
      const answer = await verifier.next();
      if ("reason" in answer) return table.summary(answer.reason);
      yield table.decide(answer);
    }
  } finally {
    table.end();
    verifier.close();
  }
}

/** What deciding and drafting share. */
class Table {
  readonly #timeline: number[];
  readonly #verifier: Verifier;
  readonly #window: Window;
  /** ahead[i] is what was proposed for position timeline.length + i. */
  #ahead: Guess[] = [];
  readonly #pace: Pace;
  readonly #bySource = { model: { drafted: 0, kept: 0 }, lookup: { drafted: 0, kept: 0 } };
  #judged = 0;
  #kept = 0;
  #passes = 0;
  #ended = false;
  /** The target's engine takes no drafts. */
  #undrafted = false;
  /** It judges siblings. */
  #siblings = false;
  #toldPatience: number;
  #draftError: unknown;
  #reported = false;
  #wake: () => void = () => {};

  constructor(timeline: number[], verifier: Verifier, window: Window) {
    this.#timeline = timeline;
    this.#verifier = verifier;
    this.#window = window;
    this.#pace = new Pace(window.history);
    this.#toldPatience = window.patience;
  }

  decide(verdict: Verdict): Step {
    this.#pace.learn(verdict);
    this.#passes = verdict.passes;
    if (verdict.undrafted) this.#undrafted = true;
    if (verdict.siblings) this.#siblings = true;
    this.#kept += verdict.kept;
    const tokens = verdict.tokens.map((id, i) => {
      const kept = i < verdict.kept;
      const guess = this.#ahead.shift();
      if (guess) {
        const keeper = [guess, ...guess.siblings].find((candidate) => candidate.id === id) ?? guess;
        // One on its way to an origin that does not wait is passed by unjudged.
        if (guess.sent && i < verdict.scored) this.#judged++;
        if (kept) this.#bySource[keeper.source].kept++;
        this.#window.history.outcome(guess.confidence, guess.id === id);
        // What was drafted after a wrong token was drafted for another timeline.
        if (guess.id !== id) this.#ahead = [];
      }
      this.#timeline.push(id);
      return { id, kept };
    });
    this.#wake();
    const step = { tokens, verdict, drafted: this.#drafted, judged: this.#judged };
    if (this.#draftError === undefined || this.#reported) return step;
    this.#reported = true;
    return { ...step, draftError: this.#draftError };
  }

  async draft(drafter: Drafter): Promise<void> {
    try {
      await this.#verifier.asked;
      /** Length of the timeline for which nothing more is to be drafted. */
      let settled = -1;
      while (!this.#ended && !this.#undrafted) {
        if (settled === this.#timeline.length || this.#verifier.ready) {
          await new Promise<void>((wake) => {
            this.#wake = wake;
          });
          continue;
        }
        const position = this.#timeline.length;
        if (await this.#draftAt(position, drafter)) {
          // A verdict may have come.
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

  /** Drafts once for the timeline as it is. False when nothing more is to be done before it grows. */
  async #draftAt(position: number, drafter: Drafter): Promise<boolean> {
    const standing = [...this.#ahead];
    const read = () => drafter.sync([...this.#timeline, ...standing.map((guess) => guess.id)]);
    // Until the first verdict there is only the prompt to read: its pass is under way, and no draft can be part of it.
    if (this.#passes === 0) {
      if (this.#window.pays) await read();
      return false;
    }
    const { max, others, streams, more } = this.#window.plan(standing, this.#siblings);
    if (max === 0) {
      this.#submit(position, standing, []);
      return false;
    }
    // What was held back may be worth its position by now.
    if (streams && standing.at(-1)?.sent === false) this.#send(standing);
    if (standing.length === 0) this.#pace.begin(position);
    await read();
    const still = () => !this.#ended && !this.#verifier.ready && this.#timeline.length === position;
    if (!still()) return true;
    const proposed = await drafter.propose(max, (last) => more(last) && still(), others);
    this.#submit(position, standing, proposed.slice(0, max));
    return streams && proposed.length > 0;
  }

  /**
   * Takes up what was proposed at `position` after the guesses that stood there, and sends it as far as it is of use.
   */
  #submit(position: number, standing: readonly Guess[], proposed: readonly Proposed[]): void {
    if (this.#ended || (proposed.length === 0 && standing.length > 0)) return;
    const guesses: Guess[] = [...standing, ...proposed.map((token) => ({ ...token, sent: false, siblings: [] }))];
    // Tokens decided while drafting use up the front of the draft, if they agree with it.
    const decided = this.#timeline.slice(position);
    if (decided.some((id, i) => guesses[i]?.id !== id)) return;
    const rest = guesses.slice(decided.length);
    const { policy, patience } = this.#window;
    const streams = patience === 0 && (policy.patience !== "auto" || this.#toldPatience === 0);
    // An empty draft spares the origin a wait, or tells it not to wait any more; it says nothing once the timeline has
    // moved on or nobody waits.
    if (rest.length === 0 && (decided.length > 0 || streams)) return;
    const { length, others } = streams ? { length: rest.length, others: [] } : this.#window.choose(rest);
    this.#ahead = rest.slice(0, length);
    if (!streams || this.#window.saves(rest)) this.#send(this.#ahead, others);
  }

  /** @param others which others for the place of each token go along */
  #send(draft: readonly Guess[], others: readonly (readonly Candidate[])[] = []): void {
    const { policy, patience } = this.#window;
    const siblings: Sibling[] = [];
    for (const [at, guess] of draft.entries()) {
      if (!guess.sent) this.#bySource[guess.source].drafted++;
      guess.sent = true;
      for (const other of others[at] ?? []) {
        siblings.push({ at, id: other.id });
        if (guess.siblings.includes(other)) continue;
        guess.siblings.push(other);
        this.#bySource[other.source].drafted++;
      }
    }
    this.#toldPatience = patience;
    this.#verifier.submit({
      position: this.#timeline.length,
      tokens: draft.map((guess) => guess.id),
      ...(siblings.length > 0 && { siblings }),
      ...(policy.patience === "auto" && { patience }),
    });
  }

  get #drafted(): number {
    return this.#bySource.model.drafted + this.#bySource.lookup.drafted;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  summary(reason: Summary["reason"]): Summary {
    const { model, lookup } = this.#bySource;
    return {
      reason,
      drafted: this.#drafted,
      judged: this.#judged,
      kept: this.#kept,
      passes: this.#passes,
      bySource: { model: { ...model }, lookup: { ...lookup } },
      ...(this.#draftError === undefined ? {} : { draftError: this.#draftError }),
    };
  }
}
