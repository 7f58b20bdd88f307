/**
 * `npm run suite recipes -- DIR`: real packs under the test of the whole path. Each DIR/NAME/pack.json, made by
 * `outrider squeeze` from SmolLM2-135M-Instruct, drafts in workerd for the target at a Node origin; for some prompts,
 * greedy and for two seeds, the words must be those that the target says alone. Prints a line a pack; ends with 1 when
 * one failed.
 *
 * Needs the target (`outrider prepare` obtains it), a port or two, and memory for the target and one pack, about 0.6
 * GB. Takes some twenty seconds a pack.
 */

import { type PackHeader, packBytes } from "../../src/core/format/pack-header.ts";
import { poolPages } from "../../src/edge/draft/budget.ts";
import { PROMPTS } from "../cases/prompts.ts";
import { ask, type ChatOptions, chat } from "../support/chat.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { startEdge, startOrigin } from "../support/service.ts";
import { packHeader } from "../support/tiny.ts";
import { packsIn, type RecipePack } from "./packs.ts";

const { positionals } = parseOptions({ allowPositionals: true });
const [directory] = positionals;
if (directory === undefined || positionals.length > 1) throw new Error("usage: npm run suite recipes -- DIR");

/** Fact, code, verse, translation. */
const ASKED = [PROMPTS[0]!, PROMPTS[10]!, PROMPTS[3]!, PROMPTS[5]!];
const MODES: readonly ChatOptions[] = [
  { temperature: 0 },
  { temperature: 0.8, seed: 7 },
  { temperature: 0.8, seed: 8 },
];
const CASES = MODES.flatMap((mode) => ASKED.map((prompt) => ({ prompt, mode })));
const TOKENS = 24;
/** A question and its answer are a handful of pages of 32 tokens; four at a time. */
const KV_PAGES = "32";

const { target } = await prepare();
const { model } = packHeader(target);
const origin = await startOrigin(target);
/** The target's own text for each case, asked of the first edge. */
let alone: string[] | undefined;
let failures = 0;
try {
  for (const pack of packsIn(directory)) {
    const failure = await run(pack).catch((error: unknown) => `${error}`);
    if (failure === undefined) continue;
    failures++;
    console.log(`${pack.name}: FAILED: ${failure}`);
  }
} finally {
  await origin.stop();
}
process.exitCode = failures > 0 ? 1 : 0;

/** Prints the result of a pack, or returns what is wrong with it. */
async function run({ name, directory: draftPack, header }: RecipePack): Promise<string | undefined> {
  if (header.target?.model !== model) {
    return `it drafts for ${header.target?.model ?? "no model"}, not for ${model}; squeeze it from that again`;
  }
  const edge = await startEdge({ targetPack: target, draftPack, originUrl: origin.url, vars: { KV_PAGES } });
  try {
    const answers = (outrider: object) =>
      Promise.all(
        CASES.map(({ prompt, mode }, n) =>
          chat(edge.url, ask(prompt), {
            ...mode,
            session: `${n}`,
            maxTokens: TOKENS,
            outrider: { ...outrider, trace: true },
          }),
        ),
      );
    const said = (all: Awaited<ReturnType<typeof answers>>) =>
      all.map(({ outrider, finish }) => `${outrider.tokens!.map(({ id }) => id)} ${finish}`);
    alone ??= said(await answers({ draft: "off" }));
    const drafted = await answers({ draft: "model", patience_ms: 60_000, max_draft: 8 });
    const other = said(drafted).findIndex((words, n) => words !== alone![n]);
    if (other >= 0) return `other words than the target's for ${JSON.stringify(CASES[other])}`;
    const sum = (of: "draft_n" | "draft_n_accepted") => drafted.reduce((all, { timings }) => all + timings[of], 0);
    if (sum("draft_n") === 0) return "it drafted nothing; does it load? The Worker's log says why not";
    const megabytes = (packBytes(header) / 1e6).toFixed(1);
    console.log(
      `${name}: the target's own words in ${CASES.length} answers; ${sum("draft_n")} tokens drafted, ` +
        `${sum("draft_n_accepted")} kept; ${megabytes} MB, ${roomIn(header)}`,
    );
  } finally {
    await edge.stop();
  }
}

/** Whether a deployed isolate has room for it. */
function roomIn(header: PackHeader): string {
  try {
    return `room for ${poolPages(header) * 32} tokens in a deployed isolate`;
  } catch {
    return "more than a deployed isolate holds";
  }
}
