/** The card of a draft: `README.md` beside its pack. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { Figures } from "../evaluate/figures.ts";
import { DRAFTED, type Served } from "../evaluate/replay.ts";
import type { Machine } from "./machine.ts";
import type { Merged } from "./merge.ts";
import { type DraftOptions, SEED } from "./options.ts";
import type { DraftPlan } from "./plan.ts";
import { cutInWords, roundedInWords, sourcesOf } from "./say.ts";
import { minutes } from "./schedule.ts";
import { type Base, DRAFT_FORMATS } from "./shape.ts";

interface Card {
  readonly options: DraftOptions;
  readonly base: Base;
  readonly plan: DraftPlan;
  /** Blocks of the base that stay. */
  readonly blocks: readonly number[];
  readonly machine: Machine;
  readonly merged: Merged;
  /** Bytes of the pack's shards. */
  readonly bytes: number;
  readonly figures: Figures | null;
  readonly licence: string | undefined;
}

const MADE = "`outrider draft` made it and wrote this card.";
const TIMES = "Times decide how much is written and taught, so another machine makes another draft of the same shape.";
const NO_FIGURES = "The text was so short that no answer was held out, so nothing was measured.";

export const writeCard = (file: string, card: Card): Promise<void> => writeFile(file, cardText(card));

function cardText({ options, base, plan, blocks, machine, merged, bytes, figures, licence }: Card): string {
  const { shape, schedule } = plan;
  const { config, tokens } = base;
  const from = path.basename(options.baseFile);
  const whole = (value: number) => Math.round(value).toLocaleString("en");
  const sources = sourcesOf(options).join("; ");
  const texts = `${whole(merged.positions)} positions of ${whole(merged.lines)} texts: ${sources}`;
  return `# ${options.model}

A draft for ${options.target.model}, cut from ${from} and taught by the target. ${MADE}

| part | what is kept |
|---|---|
| blocks | ${shape.blocks} of ${config.layers}: ${blocks.join(", ")} |
| heads of queries | ${shape.heads} of ${config.heads} |
| MLP channels | ${whole(shape.mlp)} of ${whole(config.feedForward)} |
| tokens | ${whole(shape.head)} of ${whole(tokens)} |
| format | blocks ${shape.format}, embedding and head ${DRAFT_FORMATS[shape.format].vocabulary} |
| weights on disk | ${(bytes / 1e6).toFixed(1)} MB |

## Figures

${figures === null ? NO_FIGURES : figuresTable(figures)}

## How it was made

\`\`\`sh
${options.command}
\`\`\`

The seed is ${SEED}. ${TIMES}

| step | what | planned time |
|---|---|---|
| text | ${texts} | ${minutes(schedule.write + schedule.judge)} |
| cut | ${cutInWords(base, plan)} | ${minutes(schedule.choose + schedule.cut)} |
| adapters | of rank 8, in floats, forward KL from the target's 32 likeliest tokens | ${minutes(schedule.adapt)} |
| rounded | ${roundedInWords(plan)} | ${minutes(schedule.round)} |
| taught | rounded, on what it predicts in floats of the same text | ${minutes(schedule.teach)} |

It ran on ${machine.name} (${machine.device}).

## Licence

The draft is a changed copy of ${from}, and what applies to that model applies to it. ${
    licence === undefined ? "The file names no licence; look where it came from." : `The file names ${licence}.`
  }
`;
}

/** Tokens per target pass on the answers that were held out. */
function figuresTable({ acceptance, acceptanceWithoutLoops, served, servedWithoutLoops }: Figures): string {
  const number = (value: number | undefined) => value?.toFixed(2) ?? "–";
  const row = (name: string, of: (served: Served) => number) =>
    `| ${name} | ${number(served && of(served))} | ${number(servedWithoutLoops && of(servedWithoutLoops))} |`;
  const answers = `${acceptance?.answers} answers of the target`;
  return `Tokens per target pass, greedy, at most ${DRAFTED} draft tokens, on ${answers}
(${acceptance?.tokens.toLocaleString("en")} tokens) that the draft was neither taught nor cut on.

| drafter | all answers | without answers that loop |
|---|---|---|
${row("model, as served", ({ model }) => model)}
${row("model and lookup, as served", ({ both }) => both)}
${row("lookup alone", ({ lookup }) => lookup)}
| model, chains | ${number(acceptance?.tokensPerPass8)} | ${number(acceptanceWithoutLoops?.tokensPerPass8)} |

${((acceptance?.agreement ?? 0) * 100).toFixed(1)} % of the tokens are the draft's own first choice.`;
}
