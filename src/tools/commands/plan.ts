/** `outrider plan`: what drafts promise before a target, by arithmetic alone. */

import { passesOver } from "../../core/speculate/pass-cost.ts";
import { acceleratorNamed } from "../../origin/engines/accelerators.ts";
import { PASS_COSTS } from "../../origin/pass-costs.ts";
import { textTable } from "../charts/text-table.ts";
import { type DraftFacts, draftFacts } from "../evaluate/draft-facts.ts";
import { type Plan, type PlannedWay, plan } from "../evaluate/plan.ts";
import { obtainDraft } from "../obtain/draft-package.ts";
import { defaultPair, knownPairs, recordedOf } from "../obtain/pair.ts";
import { readAnswers } from "../text/target-text.ts";
import { command } from "./command.ts";
import { packNamed } from "./models.ts";
import { decimal, text, usage } from "./options.ts";
import { MODELS } from "./prepare.ts";

/** Answers and tokens of the measurement: some seconds. */
const ANSWERS = 16;
const TOKENS = 600;
/** Draft tokens of a pass at most. */
const MAX_DRAFT = 15;

const MINUTE_MS = 60_000;

export const planCommand = command({
  examples: [
    [
      "outrider plan --accelerator gemm16:25 --round-trip 8",
      "the default draft, measured here, before a pass of 25 ms",
    ],
    ["outrider plan --accelerator 2xh100-70b --round-trip 40", "before an accelerator whose costs are published"],
    [
      "outrider plan --accelerator llamacpp4:50 --acceptance 0.6 --draft-step 2.5",
      "nothing measured: arithmetic on given numbers",
    ],
  ],
  options: {
    accelerator: text(
      "NAME|CLASS:MS",
      "what a target pass takes; `outrider start --emulate list` shows what there is",
      {
        required: true,
      },
    ),
    roundTrip: decimal("MS", "R: from the Session to the origin and back", { from: 0, to: MINUTE_MS, default: 5 }),
    draft: text("PACK", "the draft, by folder, name or short name; the default pair's unless given"),
    acceptance: decimal("SHARE", "acceptance rate, instead of measuring it", { from: 0, to: 1 }),
    draftStep: decimal("MS", "t: a draft step, instead of measuring it", { from: 0, to: MINUTE_MS }),
  },
  notes: `Nothing is asked of an origin. It takes what a Session would know, and the sums that a Session chooses by.
Expected are means: an answer that the draft foretells well is faster. Siblings are left out of the sums.`,
  async run({ accelerator, roundTrip, ...given }) {
    const { passMs, costs, about } = acceleratorNamed(accelerator);
    const facts = await factsOf(given);
    const result = plan({
      costs: {
        roundTripMs: roundTrip,
        draftStepMs: facts.draftStepMs,
        // The target has a machine of its own.
        hindrance: 1,
        passMs: passesOver(PASS_COSTS[costs], passMs, MAX_DRAFT),
      },
      acceptanceByDepth: facts.acceptanceByDepth,
      maxDraft: MAX_DRAFT,
    });
    console.log(inWords(`${about}, ${passMs} ms a pass (${costs})`, roundTrip, facts, result));
  },
});

interface Asked {
  readonly draft: string | undefined;
  readonly acceptance: number | undefined;
  readonly draftStep: number | undefined;
}

type Facts = Pick<DraftFacts, "draftStepMs" | "acceptanceByDepth" | "acceptance"> & Partial<DraftFacts>;

/** What is given, and what must be measured for the rest. */
async function factsOf({ draft, acceptance, draftStep }: Asked): Promise<Facts> {
  if (acceptance !== undefined && draftStep !== undefined) {
    return { acceptance, acceptanceByDepth: [acceptance], draftStepMs: draftStep };
  }
  const pair = defaultPair(knownPairs(MODELS));
  const pack = draft === undefined ? pair.draft : (pair.drafts.get(draft) ?? packNamed(draft));
  if (pack === null) throw usage("this copy of the project has no default draft; name one with --draft");
  await obtainDraft(pair, pack);
  const measured = await draftFacts(pack, await readAnswers(recordedOf(pair), ANSWERS), TOKENS);
  return {
    ...measured,
    ...(acceptance !== undefined && { acceptance, acceptanceByDepth: [acceptance] }),
    ...(draftStep !== undefined && { draftStepMs: draftStep }),
  };
}

function inWords(target: string, roundTripMs: number, facts: Facts, result: Plan): string {
  const { none, waits, waitsWithoutBets, streams, best, breakEvenRoundTripMs } = result;
  const by = facts.tokens === undefined ? "as given" : `${facts.model}, ${facts.tokens} tokens of answers, here`;
  const row = (name: string, way: PlannedWay) => [
    name,
    way.tokensPerSecond.toFixed(1),
    way.vsNone.toFixed(2),
    way.passesPerToken.toFixed(2),
    way.stepsPerToken.toFixed(1),
    `${way.first}`,
    `${way.ahead}`,
  ];
  const heads = ["", "tokens/s", "beside none", "passes a token", "draft steps a token", "waits for", "ahead by"];
  const advice = {
    none: "Drafts gain nothing there: an edge that prefers time leaves them off.",
    waits: `An edge that prefers time has the origin wait for drafts of about ${waits.first}.`,
    streams: "An edge that prefers time lets the origin decode on and use the drafts that arrive in time.",
  }[best];
  return [
    `target  ${target}; ${roundTripMs} ms there and back`,
    `draft   ${facts.draftStepMs.toFixed(2)} ms a step, ${facts.acceptance.toFixed(2)} of its tokens kept (${by})`,
    "",
    ...textTable(heads, [
      ["no drafts", none.toFixed(1), "1.00", "1.00", "0.0", "–", "–"],
      row("the origin waits", waits),
      row("the same, drafter idle meanwhile", waitsWithoutBets),
      row("the origin never waits", streams),
    ]),
    "",
    advice,
    breakEvenRoundTripMs > 0
      ? `Waiting is faster up to a round trip of ${breakEvenRoundTripMs.toFixed(0)} ms.`
      : "Waiting is slower at any round trip.",
  ].join("\n");
}
