/**
 * The edge's side of the wire: a Verifier over a WebSocket that may break. It remembers every decided token. A lost
 * socket is replaced by a new one that opens with the decided tokens as kept prefix, so its reader sees neither gap nor
 * repetition. A broken socket, a damaged frame, a verdict that does not follow, and silence are treated alike: dial
 * again. One deadline holds for all tries together; a verdict starts it anew, and so does an origin that gets on with a
 * long prompt: as often as the timeline has tokens at most, since a slice has one at least.
 *
 *   dial ─ open {keep, prompt} ─ verdict* ─ done
 *    ↑  lost: wait retryMs[n], n = tries since the last verdict │
 *    └──────────────────────────────────────────────────────────┘
 */
import { OutriderError } from "../model/errors.ts";
import { beginningOf, type Done, type Draft, type Verdict, type Verifier } from "../speculate/types.ts";
import { Arrivals } from "./arrivals.ts";
import {
  badVerdict,
  final,
  INTERNAL,
  refusal,
  repeated,
  silent,
  socketLost,
  tokenless,
  unreachable,
} from "./failures.ts";
import {
  type DraftFrame,
  decodeOriginFrame,
  type EdgeFrame,
  encodeFrame,
  MAX_DRAFT,
  type OpenFrame,
  type OriginFrame,
  PROTOCOL_VERSION,
  timelineHash,
} from "./protocol.ts";

/** The way to an origin, or to several. */
export interface Way {
  /**
   * A new socket to the origin, open or still opening; in workerd not yet accepted. May reject with an OutriderError:
   * one that is not retryable is final.
   */
  connect(): Promise<WebSocket>;
  /** The socket brought its first verdict. */
  decided?(): void;
  /** The socket was lost, or the origin refused. Returns whether another origin may do better. */
  failed?(error: OutriderError): boolean;
}

export interface VerifyClientOptions {
  readonly way: Way;
  /** The fields that are the same in every `open`. */
  readonly open: Pick<
    OpenFrame,
    | "model"
    | "vocabulary"
    | "session"
    | "tenant"
    | "sampling"
    | "shaping"
    | "constraint"
    | "logprobs"
    | "rule"
    | "patience"
    | "stop"
  >;
  /** The timeline to continue. Not changed, and may change afterwards. */
  readonly timeline: readonly number[];
  /** How many of its tokens the origin should still hold from an earlier turn; 0 sends all. */
  readonly keep: number;
  /** Tokens to decide at most, at least 1. */
  readonly maxTokens: number;
  /** The field of the request that asks for the answer's form: what the origin refuses of it is refused in its name. */
  readonly formField?: string;
  /** Number of ids of the target's vocabulary: verdicts hold smaller ones. */
  readonly vocabularySize: number;
  /**
   * Waits before each new try after a loss, in ms. Before the first verdict there are as many tries as waits. An answer
   * that has begun is worth more: the last wait is repeated until the deadline.
   */
  readonly retryMs?: readonly number[];
  /**
   * Longest time without a verdict, and without an origin that gets on with the prompt, all tries together, beyond the
   * origin's patience, in ms.
   */
  readonly deadlineMs?: number;
  /** Longest silence on one socket, beyond the origin's patience, in ms; half of the deadline unless given. */
  readonly silenceMs?: number;
}

/** Faults of the origin in one answer, behind which it is tried again: the same request meets the same fault. */
const MOST_FAULTS = 1;
const RETRY_MS = [50, 200, 1000, 3000];
const DEADLINE_MS = 60_000;
/** WebSocket.OPEN, which not every runtime has as a static. */
const OPEN = 1;

export class VerifyClient implements Verifier {
  readonly asked: Promise<void>;
  #nowAsked: () => void = () => {};
  readonly #options: VerifyClientOptions;
  readonly #timeline: number[];
  /** See `cached`. */
  #cached: number;
  /** Leading tokens that the origin is believed to hold. */
  #held: number;
  /** Tokens that it may still decide. */
  #left: number;
  /** Target passes of this generation. */
  #passes = 0;
  /** Of these, the ones on sockets that were lost. */
  #passesBefore = 0;
  #tries = 0;
  /** Times that the origin failed in a way that it did not foresee. */
  #faults = 0;
  /** Slices of the timeline that this socket's generation has computed. */
  #slices = 0;
  /** How many more may be, on this socket and on those after it, before the next verdict. */
  #slicesLeft: number;
  /** Whether the socket has brought a verdict. */
  #decides = false;
  /** Counts dials, so that a socket that comes too late is recognised. */
  #dials = 0;
  #socket: WebSocket | null = null;
  /** Of one socket: silence, or the wait before the next. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of all tries since the last verdict. */
  #deadline: ReturnType<typeof setTimeout> | undefined;
  /** Why the last socket since the last verdict was lost. */
  #lastLoss: OutriderError | null = null;
  #lastDraft: Pick<DraftFrame, "position" | "tokens" | "siblings" | "most"> | null = null;
  /** The patience that the origin was sent last, in ms. */
  #patience: number;
  readonly #arrivals = new Arrivals<Verdict | Done>();
  #over = false;

  /** Starts to connect at once. */
  constructor(options: VerifyClientOptions) {
    this.#options = options;
    this.#timeline = [...options.timeline];
    this.#cached = options.keep;
    this.#held = options.keep;
    this.#left = options.maxTokens;
    this.#patience = options.open.patience;
    this.#slicesLeft = options.timeline.length;
    this.asked = new Promise((resolve) => {
      this.#nowAsked = resolve;
    });
    this.#restartDeadline();
    void this.#dial();
  }

  /** Prompt tokens that the origin held already. */
  get cached(): number {
    return this.#cached;
  }

  get ready(): boolean {
    return this.#arrivals.ready;
  }

  next(): Promise<Verdict | Done> {
    return this.#arrivals.next();
  }

  submit(draft: Draft): void {
    // Ids that the wire cannot carry cannot be kept either.
    const { tokens, siblings } = beginningOf(draft, MAX_DRAFT, travels);
    const sent = {
      position: draft.position,
      tokens: [...tokens],
      ...(siblings.length > 0 && { siblings: siblings.slice(0, MAX_DRAFT) }),
      ...(draft.most !== undefined && { most: draft.most }),
    };
    this.#lastDraft = sent;
    this.#patience = draft.patience ?? this.#patience;
    this.#send({ type: "draft", ...sent, patience: draft.patience });
  }

  /** A `next` that is waiting rejects with `closed`. */
  close(): void {
    if (this.#over) return;
    this.#send({ type: "close" });
    this.#end(new OutriderError("closed", "the generation was closed by this side", { status: 499 }));
  }

  async #dial(): Promise<void> {
    const dial = ++this.#dials;
    this.#listen();
    let socket: WebSocket;
    try {
      socket = await this.#options.way.connect();
    } catch (error) {
      if (dial !== this.#dials) return;
      if (error instanceof OutriderError && !error.retryable) this.#end(error);
      else this.#again(unreachable(error));
      return;
    }
    if (dial !== this.#dials) {
      // workerd closes no socket that was not accepted.
      if ("accept" in socket) socket.accept();
      socket.close(1000);
      return;
    }
    this.#socket = socket;
    this.#decides = false;
    this.#slices = 0;
    let opened = false;
    const lost = (why: string) => this.#lost(opened ? socketLost(why) : unreachable(`the socket ${why}`));
    const ours = (handle: () => void) => () => {
      if (this.#socket === socket) handle();
    };
    socket.addEventListener(
      "open",
      ours(() => {
        opened = true;
        this.#open();
      }),
    );
    socket.addEventListener(
      "close",
      ours(() => lost("closed")),
    );
    socket.addEventListener(
      "error",
      ours(() => lost("failed")),
    );
    socket.addEventListener("message", ({ data }) => ours(() => this.#receive(data))());
    if ("accept" in socket) socket.accept();
    if (socket.readyState !== OPEN) return;
    opened = true;
    this.#open();
  }

  #open(): void {
    const { open } = this.#options;
    this.#send({
      type: "open",
      version: PROTOCOL_VERSION,
      model: open.model,
      vocabulary: open.vocabulary,
      session: open.session,
      tenant: open.tenant,
      keep: this.#held,
      keepHash: timelineHash(this.#timeline.slice(0, this.#held)),
      prompt: this.#timeline.slice(this.#held),
      sampling: open.sampling,
      shaping: open.shaping,
      constraint: open.constraint,
      logprobs: open.logprobs,
      rule: open.rule,
      patience: this.#patience,
      maxTokens: this.#left,
      stop: open.stop,
    });
    this.#nowAsked();
    // The draft under way when the last socket broke; the origin drops it if it no longer fits.
    if (this.#lastDraft) this.#send({ type: "draft", ...this.#lastDraft });
  }

  #receive(data: unknown): void {
    let frame: OriginFrame;
    try {
      frame = decodeOriginFrame(typeof data === "string" ? data : "");
    } catch (error) {
      this.#lost(error as OutriderError);
      return;
    }
    this.#listen();
    if (frame.type === "verdict") {
      const { type: _, ...verdict } = frame;
      this.#take(verdict);
    } else if (frame.type === "working") {
      this.#work(frame.slices);
    } else if (frame.type === "done") this.#takeDone(frame);
    else if (frame.code === "prefix_unknown" && this.#held > 0) {
      if (this.#held === this.#cached) this.#cached = 0;
      this.#held = 0;
      this.#open();
    } else {
      this.#lost(refusal(frame.code, frame.message, frame.retryable, this.#options.formField));
    }
  }

  /** The origin has computed so many slices. What it computes again, because others needed the room, counts too. */
  #work(slices: number): void {
    const more = Math.max(0, slices - this.#slices);
    this.#slices = slices;
    this.#slicesLeft -= more;
    if (more > 0 && this.#slicesLeft >= 0) this.#restartDeadline();
  }

  #take(verdict: Verdict): void {
    const { position, tokens } = verdict;
    const wrong = this.#wrongIn(verdict);
    if (wrong) {
      this.#lost(badVerdict(wrong));
      return;
    }
    this.#timeline.push(...tokens);
    this.#held = position + tokens.length;
    this.#left -= tokens.length;
    this.#passes = this.#passesBefore + verdict.passes;
    this.#tries = 0;
    if (!this.#decides) this.#options.way.decided?.();
    this.#decides = true;
    this.#lastLoss = null;
    this.#slicesLeft = this.#timeline.length;
    this.#restartDeadline();
    this.#listen();
    this.#arrivals.add({ ...verdict, passes: this.#passes });
  }

  /** What no origin says that follows the rules; null where all is well. */
  #wrongIn({ position, kept, tokens, logprobs, recycled = [] }: Verdict): string | null {
    const { vocabularySize, open } = this.#options;
    if (this.#stopped || position !== this.#timeline.length) return "does not follow the last one";
    if (kept > tokens.length || tokens.length > this.#left) return "decides more than it may";
    if (logprobs && logprobs.length !== tokens.length) return "tells the log probabilities of other tokens";
    const isOutside = (id: number | null) => id !== null && id >= vocabularySize;
    if (tokens.some(isOutside) || recycled.some(isOutside)) return "holds a token outside the vocabulary";
    if (tokens.slice(0, -1).some((id) => open.stop.includes(id))) return "goes on behind the end of the answer";
    return null;
  }

  /** Whether the answer ends in a stop token. One that ends the prompt is none. */
  get #stopped(): boolean {
    return this.#begun && this.#options.open.stop.includes(this.#timeline.at(-1)!);
  }

  /** Whether a token has been decided. */
  get #begun(): boolean {
    return this.#left < this.#options.maxTokens;
  }

  /** A verdict that was lost on its way shows here where it was the last one. */
  #takeDone({ reason, usage }: Extract<OriginFrame, { type: "done" }>): void {
    const all = usage.prompt + usage.decided === this.#timeline.length;
    if (all && this.#begun && (reason === "stop") === this.#stopped) this.#finish(reason);
    else this.#lost(badVerdict("ends an answer that goes on"));
  }

  #finish(reason: Done["reason"]): void {
    this.#arrivals.add({ reason });
    this.#end(new OutriderError("closed", "the generation is over", { status: 499 }));
  }

  /** Gives up the socket. Dials again where that may help, here or at another origin. */
  #lost(error: OutriderError): void {
    if (this.#over) return;
    const elsewhere = this.#options.way.failed?.(error) ?? false;
    if (error.code === INTERNAL && ++this.#faults > MOST_FAULTS) this.#end(repeated(error));
    else if (error.retryable || elsewhere) this.#again(error);
    else this.#end(error);
  }

  /** Dials again unless all is decided or the tries are used up. */
  #again(error: OutriderError): void {
    this.#drop();
    this.#lastLoss = error;
    this.#passesBefore = this.#passes;
    // All may be decided, with only the `done` lost.
    if (this.#stopped || this.#left === 0) {
      this.#finish(this.#stopped ? "stop" : "length");
      return;
    }
    const waits = this.#options.retryMs ?? RETRY_MS;
    const wait = waits[this.#tries++] ?? (this.#begun ? waits.at(-1) : undefined);
    if (wait === undefined) this.#end(final(error));
    else this.#timer = setTimeout(() => void this.#dial(), spread(wait));
  }

  /** Nobody is waited for before the first verdict of a generation. */
  get #patienceNow(): number {
    return this.#begun ? this.#patience : 0;
  }

  /** (Re)starts the watch for silence. */
  #listen(): void {
    clearTimeout(this.#timer);
    const { deadlineMs = DEADLINE_MS, silenceMs = deadlineMs / 2 } = this.#options;
    const ms = silenceMs + this.#patienceNow;
    this.#timer = setTimeout(() => this.#lost(silent(ms)), ms);
  }

  #restartDeadline(): void {
    clearTimeout(this.#deadline);
    const ms = (this.#options.deadlineMs ?? DEADLINE_MS) + this.#patienceNow;
    this.#deadline = setTimeout(() => this.#end(final(this.#lastLoss ?? tokenless(ms))), ms);
  }

  #send(frame: EdgeFrame): void {
    if (this.#socket?.readyState !== OPEN) return;
    try {
      this.#socket.send(encodeFrame(frame));
    } catch (error) {
      this.#lost(socketLost(error instanceof Error ? error.message : `${error}`));
    }
  }

  #drop(): void {
    this.#dials++;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close(1000);
    } catch {
      // It is closed already.
    }
  }

  #end(failure: OutriderError): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#deadline);
    this.#nowAsked();
    this.#drop();
    this.#arrivals.end(failure);
  }
}

/** Many answers lose their origin at once, and should not all come back at once. */
const spread = (ms: number): number => ms * (0.5 + Math.random() / 2);

const travels = (id: number): boolean => Number.isSafeInteger(id) && id >= 0 && id <= 0xffffffff;
