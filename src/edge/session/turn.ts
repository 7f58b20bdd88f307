/**
 * One turn of a conversation: everything about it that is settled before the first verdict, the steps that follow, and
 * the account at its end. What lasts longer than a turn is the Session's (session.ts).
 */

import { familyOf } from "../../core/calls/families.ts";
import { BothDrafter } from "../../core/draft/both.ts";
import { ConstrainedDrafter } from "../../core/draft/constrained.ts";
import { CopyDrafter } from "../../core/draft/copy-drafter.ts";
import { faultOf } from "../../core/grammar/check.ts";
import type { Held } from "../../core/grammar/compiled.ts";
import { Following } from "../../core/grammar/following.ts";
import type { ConstraintSource } from "../../core/grammar/source.ts";
import { commonPrefix } from "../../core/model/common-prefix.ts";
import { OutriderError } from "../../core/model/errors.ts";
import type { History } from "../../core/speculate/history.ts";
import { breakEvenRoundTrip } from "../../core/speculate/patience.ts";
import { generate } from "../../core/speculate/round.ts";
import { Shapers } from "../../core/speculate/shaping.ts";
import type { Drafter } from "../../core/speculate/types.ts";
import { Window, type WindowPolicy } from "../../core/speculate/window.ts";
import { VerifyClient } from "../../core/verify/client.ts";
import { MAX_DRAFT } from "../../core/verify/protocol.ts";
import { AnswerText, type Piece } from "../api/openai/stream.ts";
import type { Account, Head, Measured, Outcome } from "../api/outcome.ts";
import { CpuBudget } from "../draft/cpu-budget.ts";
import { type SessionDraft, TurnDrafter } from "../draft/drafter.ts";
import type { Route } from "../origins/origin.ts";
import type { AnswerContent } from "../prompt/answer-content.ts";
import { Calling } from "../prompt/calling.ts";
import { inField } from "../prompt/constraint.ts";
import { draftKind } from "../prompt/draft-kind.ts";
import type { DraftKind, Generation } from "../prompt/generation.ts";
import { type Task, taskOf } from "../prompt/prompt.ts";
import type { Target } from "../prompt/target.ts";
import { answer, type Tally } from "./answer.ts";
import { checked } from "./checked.ts";
import { noteOf, type Taken } from "./note.ts";

/** What a turn needs of its Session and its request. */
interface Given {
  readonly target: Target;
  /** Null: this edge has no weights. */
  readonly draft: SessionDraft | null;
  readonly history: History;
  /** The timeline that the origin should hold from the last turn. */
  readonly before: readonly number[];
  /** Names the Session to the origin. */
  readonly session: string;
  /** Names its key to the origin, which shares itself among keys; null where the API is open. */
  readonly tenant: string | null;
  /** What to spend least of, where the client names no patience. */
  readonly prefer: WindowPolicy["spare"];
  /** Whether the target computes on this processor, in the same thread. */
  readonly sharedCpu: boolean;
  /** CPU that the draft model may use, ms. */
  readonly cpuMs: number;
  /** Names the answer. */
  readonly id: string;
  /** When the request arrived, ms. */
  readonly startedAt: number;
  readonly route: Route;
  /** Longest time without a token, as `VerifyClientOptions.deadlineMs`. */
  readonly deadlineMs: number | undefined;
}

/** What is known before a turn begins. */
interface Prepared {
  readonly task: Task;
  readonly calling: Calling | null;
  /** What the answer must be, its calls of tools included; null: any text. */
  readonly constraint: ConstraintSource | null;
  /** Null, too, where other answers take all the room: the origin then leaves out what drafts have against the form. */
  readonly held: Held | null;
  /** The field of the request that asks for the form. */
  readonly field: string | null;
}

export class Turn {
  readonly generation: Generation;
  readonly head: Head;
  /** Prompt, and what has been decided since. */
  readonly timeline: number[];
  readonly budget: CpuBudget;
  readonly #given: Given;
  readonly #task: Task;
  readonly #kind: DraftKind;
  readonly #model: TurnDrafter | null;
  readonly #window: Window;
  readonly #shapers: Shapers | undefined;
  /** What form the answer must have, if any; null, too, where other answers take all the room. */
  readonly #following: Following | null;
  readonly #held: Held | null;
  /** What tools the answer may call, if any. */
  readonly #calling: Calling | null;
  readonly #client: VerifyClient;
  #closed = false;
  #idle: () => Promise<void> = async () => {};

  /**
   * Encodes the prompt, compiles the form that the answer must have, and starts to dial the origin; nothing of the
   * draft is touched yet. Rejects with what `taskOf`, `draftKind` and `compile` throw.
   */
  static async of(generation: Generation, given: Given): Promise<Turn> {
    const { target } = given;
    const { constraint: form, offer } = generation;
    draftKind(generation.draft, given.draft !== null);
    const task = taskOf(generation, target);
    const calling = offer && new Calling(offer, familyOf(target.chat().source), form);
    const constraint = calling ? calling.constraint : form;
    if (constraint && task.stopIds.size === 0) throw endless();
    const field = calling?.isAsked ? "tools" : generation.constraintField;
    const compiled = async () => constraint && target.compiled().of(constraint, given.tenant ?? "");
    try {
      const held = await (calling ? calling.refused(compiled) : compiled());
      return new Turn(generation, given, { task, calling, constraint, held, field });
    } catch (error) {
      throw inField(error, field);
    }
  }

  private constructor(generation: Generation, given: Given, { task, calling, constraint, held, field }: Prepared) {
    const { sampling, rule, draft, input, model, logprobs } = generation;
    const { target, id, startedAt } = given;
    this.generation = generation;
    const kind = input.kind === "chat" ? "chat" : "text";
    this.head = {
      kind,
      id: `${kind === "chat" ? "chatcmpl" : "cmpl"}-${id}`,
      created: Math.floor(startedAt / 1000),
      model,
      index: generation.choice,
    };
    this.#given = given;
    this.#kind = draftKind(draft, given.draft !== null);
    this.#task = task;
    this.#window = windowOf(this.#kind === "off" ? 0 : draft.patience, draft, given);
    this.budget = new CpuBudget(given.cpuMs, () => given.history.costs.draftStepMs);
    const { prompt, maxTokens, stopIds, shaping } = task;
    const stop = [...stopIds];
    this.#calling = calling;
    this.#held = held;
    this.#following = held && new Following(held.constraint, prompt.length, stop);
    this.#shapers = Shapers.of(shaping, { stop }, this.#following ? [this.#following] : []);
    this.#model = given.draft && new TurnDrafter(given.draft, { ...sampling, shapers: this.#shapers }, id, this.budget);
    this.timeline = [...prompt];
    this.#client = new VerifyClient({
      way: given.route,
      open: {
        model,
        vocabulary: target.description.vocabulary.hash,
        session: given.session,
        ...(given.tenant !== null && { tenant: given.tenant }),
        sampling,
        ...(shaping && { shaping }),
        ...(constraint && { constraint: { from: prompt.length, source: constraint } }),
        ...(logprobs !== null && { logprobs }),
        rule,
        patience: this.#window.patience,
        stop,
      },
      timeline: prompt,
      // The origin computes at least the last token of the prompt, whatever it holds.
      keep: Math.min(commonPrefix(prompt, given.before), prompt.length - 1),
      maxTokens,
      vocabularySize: target.description.vocabulary.size,
      ...(field !== null && { formField: field }),
      ...(given.deadlineMs !== undefined && { deadlineMs: given.deadlineMs }),
    });
  }

  /** What the answer begins with. */
  get echo(): string {
    return this.#task.echo;
  }

  /** Tokens decided so far. */
  get predicted(): number {
    return this.timeline.length - this.#task.prompt.length;
  }

  /** The answer as the origin decides it. */
  decided(): AsyncGenerator<Piece, Tally> {
    return this.#answer(this.#drafter());
  }

  /** Whether the client has left. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The client has left: tells whoever decides to stop. */
  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  /** The turn is over, and what it held may be forgotten. */
  leave(): void {
    this.#held?.leave();
  }

  #drafter(): Drafter | null {
    const drafter = drafterOf(this.#kind, this.#model, this.#task);
    const { tokenizer } = this.#given.target;
    if (!drafter || !this.#following) return drafter;
    return new ConstrainedDrafter(drafter, this.#following, (text) => tokenizer.encodeInside(text));
  }

  #answer(drafter: Drafter | null): AsyncGenerator<Piece, Tally> {
    const { stop, indent, maxMs, constraint } = this.generation;
    const text = new AnswerText(this.#given.target.tokenizer.decoder(), stop, indent);
    const { steps, idle } = generate(this.timeline, drafter, this.#client, this.#window);
    this.#idle = idle;
    const pieces = answer(steps, text, this.#task.stopIds, Date.now, this.#calling?.reading(), maxMs);
    const fault = this.#calling
      ? (content: AnswerContent) => this.#calling!.fault(content)
      : constraint && ((content: AnswerContent) => faultOf(constraint, content.text));
    return fault ? checked(pieces, fault, () => text.stopped) : pieces;
  }

  /** Resolves when the drafter has stopped, so that its keys and values may be read. */
  idle(): Promise<void> {
    return this.#idle();
  }

  /** Nothing is explained to whoever turned drafts off, or where the engine verifies none. */
  #note(taken: Omit<Taken, "passMs">, undrafted: boolean): string | undefined {
    if (this.#kind === "off" || undrafted) return undefined;
    const { sharedCpu, target, history } = this.#given;
    const { passMs } = history.costs;
    const { tokensPerPass } = target.description;
    const passesOf8 = passMs[FEW]! / passMs[0]!;
    return noteOf({ sharedCpu, passesOf8, tokensPerPass }, { ...taken, passMs: passMs[0]! });
  }

  /** What the answer was, once its tally is known. */
  outcome(tally: Tally): Outcome {
    const { finish, predicted, drafted, verified, thrown, kept, passes, undrafted, firstAt, lastAt } = tally;
    const { length } = this.#task.prompt;
    const draftCached = Math.min(this.#model?.cached ?? 0, length);
    const { cached } = this.#client;
    const predictedMs = lastAt - firstAt;
    const note = this.#note({ predicted, passes, drafted, predictedMs }, undrafted);
    return {
      finish,
      ...(this.generation.prediction !== null && { prediction: tally.prediction }),
      timings: {
        cache_n: cached,
        prompt_n: length - cached,
        prompt_ms: firstAt - this.#given.startedAt,
        predicted_n: predicted,
        predicted_ms: predictedMs,
        predicted_per_second: predictedMs > 0 ? (1000 * predicted) / predictedMs : 0,
        draft_n: drafted,
        draft_n_judged: verified,
        draft_n_accepted: kept,
        draft_n_thrown: thrown,
        draft_read_n: Math.min(this.#model?.read ?? 0, this.timeline.length),
        target_passes: passes,
      },
      account: {
        seed: this.generation.sampling.seed,
        draft: this.#kind,
        patience_ms: this.#window.patience,
        draft_cache_n: draftCached,
        ...(undrafted && UNDRAFTED),
        ...(note !== undefined && { note }),
        ...(drafted > 0 && { measured: measured(this.#window) }),
        ...interruption(this.#given.route),
      },
    };
  }
}

function interruption({ interrupted }: Route): Pick<Account, "interrupted"> {
  if (!interrupted) return {};
  const { times, pauseMs, origins } = interrupted;
  return { interrupted: { times, pause_ms: Math.round(pauseMs), origins } };
}

const endless = () =>
  new OutriderError(
    "invalid_request",
    "ignore_eos: an answer that must have a form ends with it; leave ignore_eos out",
    {
      param: "ignore_eos",
    },
  );

const UNDRAFTED = { undrafted: true } as const;

/** Draft tokens of a usual pass, over which the cost of a position is averaged. */
const FEW = 7;

function measured({ history, policy }: Window): Measured {
  const { roundTripMs, draftStepMs, passMs } = history.costs;
  const rounded = (value: number) => Number(value.toFixed(2));
  return {
    round_trip_ms: rounded(roundTripMs),
    target_step_ms: rounded(passMs[0]!),
    position_ms: rounded((passMs[FEW]! - passMs[0]!) / FEW),
    draft_step_ms: rounded(draftStepMs),
    acceptance: rounded(history.meanAcceptance),
    break_even_ms: rounded(breakEvenRoundTrip(history, policy.maxDraft)),
  };
}

/** @param asked the client's patience in ms, if it names one */
function windowOf(
  asked: number | null,
  { max, fallback }: Generation["draft"],
  { prefer, sharedCpu, history }: Given,
): Window {
  // A client that names a patience has chosen: a waiting origin is asked for few passes.
  const spare = asked === null ? prefer : asked > 0 ? "passes" : "time";
  const policy = {
    maxDraft: max || MAX_DRAFT,
    fallback: fallback ?? undefined,
    patience: asked ?? "auto",
    spare,
    sharedCpu,
  } as const;
  return new Window(policy, history);
}

function drafterOf(kind: DraftKind, model: TurnDrafter | null, { prompt, prediction }: Task): Drafter | null {
  if (kind === "off") return null;
  if (kind === "model") return model;
  const copies = new CopyDrafter(prompt, prediction);
  return kind === "lookup" || !model ? copies : new BothDrafter(copies, model);
}
