/**
 * An emulated GPU: it replays recorded answers of a real target at the costs of a named accelerator. Drafts, network
 * and scheduling are real; only the GPU is not, and whatever it serves is called emulated.
 *
 * A draft is verified against the recorded answer as greedy decoding verifies it against the target's own choice: the
 * token after the timeline is the recorded one, and a draft token is kept while it equals that. A timeline that is no
 * beginning of a recorded answer is refused, since nobody knows what the target would say.
 */
import { describePack } from "../../core/format/target.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { openDirectory } from "../../core/platform/disk.ts";
import { accept, type Decision, positionsOf } from "../../core/speculate/accept.ts";
import type { Sampling, Sibling } from "../../core/speculate/types.ts";
import { type Deciding, type EngineSequence, type TargetEngine, Timeline } from "../engine.ts";
import { PASS_COSTS } from "../pass-costs.ts";
import { type Accelerator, acceleratorNamed, COST_CLASSES } from "./accelerators.ts";
import { EmulatedGpu } from "./emulated-gpu.ts";
import { continues, type Recording, Recordings } from "./recordings.ts";

/** Prompt tokens of one pass at most, as servers cut long prompts. */
const SLICE = 2048;

interface EmulatedOptions {
  /** A pack of the target, or of a draft for it: says what its tokens are. */
  readonly pack: string;
  /** What `outrider corpus` wrote with that target. */
  readonly recorded: string;
  /** As `acceleratorNamed` takes it. */
  readonly accelerator: string;
  readonly maxDraft: number;
  /** Sequences that can be open at once. */
  readonly sequences: number;
}

/** Throws what reading the pack and the recordings throws, and `bad_option` for an unknown accelerator. */
export async function loadEmulated({ pack, recorded, ...options }: EmulatedOptions): Promise<TargetEngine> {
  const accelerator = acceleratorNamed(options.accelerator);
  const { model, vocabulary, context } = await describePack(openDirectory(pack));
  const recordings = await Recordings.read(recorded);
  return emulatedEngine({ model, vocabulary, context }, recordings, new EmulatedGpu(accelerator), options);
}

type Target = Pick<TargetEngine, "model" | "vocabulary" | "context">;

/** The engine over a GPU, which it closes. */
export function emulatedEngine(
  target: Target,
  recordings: Recordings,
  gpu: EmulatedGpu,
  { maxDraft, sequences }: Pick<EmulatedOptions, "maxDraft" | "sequences">,
): TargetEngine {
  const { accelerator } = gpu;
  return {
    name: "emulated",
    ...target,
    capabilities: {
      rules: ["exact"],
      maxDraft,
      siblings: COST_CLASSES[accelerator.costs].siblings,
      // Answers were recorded as they are.
      shapes: [],
      logprobs: false,
      capacity: sequences,
      cost: () => 1,
      drafted: () => true,
    },
    hardware: hardwareOf(accelerator),
    passCost: PASS_COSTS[accelerator.costs],
    open: () => new EmulatedSequence(gpu, recordings),
    close: () => gpu.close(),
  };
}

/** What is emulated, in words. */
const hardwareOf = ({ about, passMs, costs }: Accelerator): string =>
  `emulated: ${about}, ${passMs} ms a pass, costs of class ${costs}`;

class EmulatedSequence extends Timeline implements EngineSequence {
  readonly #gpu: EmulatedGpu;
  readonly #recordings: Recordings;
  /** The answer under way, and how many tokens of the timeline are known to be its beginning. */
  #recording: Recording | undefined;
  #followed = 0;
  /** Tokens whose keys and values the GPU would hold. */
  #held = 0;

  constructor(gpu: EmulatedGpu, recordings: Recordings) {
    super();
    this.#gpu = gpu;
    this.#recordings = recordings;
  }

  override cut(length: number): void {
    super.cut(length);
    this.#held = Math.min(this.#held, length);
    this.#followed = Math.min(this.#followed, length);
  }

  async prefill(): Promise<boolean> {
    if (this.timeline.length - this.#held <= SLICE) return false;
    await this.#gpu.run({ positions: 1, prompt: SLICE, context: this.#held });
    this.#held += SLICE;
    return true;
  }

  async decide(
    draft: readonly number[],
    { sampling, rule, stop }: Deciding,
    siblings: readonly Sibling[] = [],
  ): Promise<Decision> {
    const { answer, at } = this.#next(sampling);
    const position = this.timeline.length;
    const positions = positionsOf(at, draft.length, siblings);
    const prompt = Math.max(0, position - 1 - this.#held);
    await this.#gpu.run({ positions: positions.length, prompt, context: position });
    const scores = {
      own: (row: number) => answer[positions[row]!] ?? null,
      logProbability: () => Number.NEGATIVE_INFINITY,
    };
    const decision = accept(scores, draft, rule, stop, siblings);
    this.#held = position + decision.kept;
    this.append(decision.tokens);
    return decision;
  }

  close(): void {}

  /** The recorded answer, and which of its tokens comes next. Throws `not_recorded`. */
  #next(sampling: Sampling): { answer: readonly number[]; at: number } {
    const { timeline } = this;
    let recording = this.#recording;
    if (!recording || !continues(recording, timeline, this.#followed, sampling)) {
      recording = this.#recordings.find(timeline, sampling);
    }
    this.#recording = recording;
    this.#followed = timeline.length;
    if (!recording) throw this.#unknown(sampling);
    const at = timeline.length - recording.prompt.length;
    if (at < recording.answer.length) return { answer: recording.answer, at };
    throw notRecorded(
      `the emulated GPU replays recorded answers, and this one was recorded up to ${at} tokens; ask for at most so ` +
        "many with max_tokens",
    );
  }

  #unknown({ temperature }: Sampling): OutriderError {
    return notRecorded(
      "the emulated GPU replays recorded answers, and none of its " +
        `${this.#recordings.about} is to this prompt at temperature ${temperature}` +
        `${temperature > 0 ? " with this seed" : ""}; ask one of the page's examples at temperature 0, or record ` +
        `yours: outrider corpus --out FILE.jsonl.gz --model-pack PACK --prompts FILE --temperature ${temperature}, ` +
        "and start with --recorded FILE.jsonl.gz",
    );
  }
}

const notRecorded = (message: string): OutriderError => new OutriderError("not_recorded", message, { status: 400 });
