/** Whether an engine can do what an `open` asks for, and where a session's sequence then has to begin. */
import { commonPrefix } from "../core/model/common-prefix.ts";
import { OutriderError } from "../core/model/errors.ts";
import { KIND_WORDS, kindsOf } from "../core/speculate/shaping.ts";
import { type OpenFrame, PROTOCOL_VERSION, timelineHash } from "../core/verify/protocol.ts";
import type { EngineSequence, TargetEngine } from "./engine.ts";

/** Throws for what can never work: version, model, vocabulary, rule, ids or length. */
export function checkOpen(open: OpenFrame, { name, model, vocabulary, context, capabilities }: TargetEngine): void {
  const refuse = (code: string, message: string): never => {
    throw new OutriderError(code, message);
  };
  if (open.version !== PROTOCOL_VERSION) {
    refuse(
      "unsupported_version",
      `this origin speaks protocol version ${PROTOCOL_VERSION}, not ${open.version}; update the older side`,
    );
  }
  if (open.model !== model) refuse("unknown_model", `this origin serves "${model}", not "${open.model}"`);
  if (open.vocabulary !== vocabulary.hash) {
    refuse(
      "vocabulary_mismatch",
      `the edge's vocabulary differs from that of "${model}"; build the edge for this target`,
    );
  }
  if (!capabilities.rules.includes(open.rule.kind)) {
    refuse("unsupported_rule", `this engine has no "${open.rule.kind}" rule, only ${capabilities.rules.join(", ")}`);
  }
  const kinds = kindsOf(open.shaping);
  const cannot = kinds.find((kind) => !capabilities.shapes.includes(kind));
  if (cannot) {
    refuse(
      "unsupported_parameter",
      `the engine ${name} cannot do ${KIND_WORDS[cannot]}; leave them out${moreOf(capabilities)}`,
    );
  }
  if (kinds.length > 0 && open.rule.kind !== "exact") {
    refuse("unsupported_rule", `the rule "${open.rule.kind}" keeps what the target finds probable, whatever shapes it`);
  }
  if (open.constraint) checkConstraint(open, { name, vocabulary, capabilities });
  if (open.logprobs !== undefined && !capabilities.logprobs) {
    refuse("unsupported_parameter", `the engine ${name} tells no log probabilities`);
  }
  const named = [...(open.shaping?.bias?.map(([id]) => id) ?? []), ...(open.shaping?.allowed ?? [])];
  const bad = [...named, ...open.prompt].find((token) => token >= vocabulary.size);
  if (bad !== undefined) refuse("bad_token", `token ${bad} is outside the vocabulary of ${vocabulary.size}`);
  const length = open.keep + open.prompt.length;
  if (length === 0) refuse("empty_prompt", "the timeline is empty; send at least one token");
  if (length >= context) {
    refuse(
      "context_exceeded",
      `the timeline has ${length} tokens; the limit is ${context}, and one must be left to decide`,
    );
  }
}

const moreOf = ({ moreWith }: TargetEngine["capabilities"]): string => (moreWith === undefined ? "" : `. ${moreWith}`);

/** Kinds of shaping that may leave no token of a constrained answer. */
const BESIDE_NO_CONSTRAINT = ["allowed", "minTokens"] as const;

function checkConstraint(
  { constraint, shaping, rule, prompt, keep }: OpenFrame,
  { name, vocabulary, capabilities }: Pick<TargetEngine, "name" | "vocabulary" | "capabilities">,
): void {
  const refuse = (code: string, message: string): never => {
    throw new OutriderError(code, message, { param: "response_format" });
  };
  // A form is a mask of tokens at each position.
  if (!vocabulary.tokenizer || !capabilities.shapes.includes("allowed")) {
    const message = `the engine ${name} cannot hold an answer to a form; leave response_format out`;
    refuse("unsupported_parameter", message + moreOf(capabilities));
  }
  if (rule.kind !== "exact") {
    refuse("unsupported_rule", `the rule "${rule.kind}" may break the form of an answer; ask with the exact rule`);
  }
  const beside = kindsOf(shaping).find((kind) => BESIDE_NO_CONSTRAINT.some((other) => other === kind));
  if (beside) refuse("unsupported_parameter", `"${beside}" may leave no token that the answer's form allows`);
  if (constraint!.from > keep + prompt.length) refuse("bad_frame", "the constraint begins behind the timeline");
}

/**
 * Brings a session's sequence to the timeline that `open` describes. Returns how many of its tokens were there. Throws
 * `prefix_unknown` (409) when the kept prefix was not.
 */
export function takeUp(sequence: EngineSequence, { keep, keepHash, prompt }: OpenFrame): number {
  const { timeline } = sequence;
  if (keep > 0) {
    if (timeline.length < keep || timelineHash(timeline.slice(0, keep)) !== keepHash) {
      throw new OutriderError(
        "prefix_unknown",
        `the origin does not hold these ${keep} tokens of the session; send the whole timeline`,
        { status: 409, retryable: true },
      );
    }
  }
  const common = commonPrefix(timeline.slice(keep), prompt);
  sequence.cut(keep + common);
  sequence.append(prompt.slice(common));
  return keep + common;
}
