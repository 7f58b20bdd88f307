/**
 * Tools on the real pair, as clients use them: client → SDK → workerd → Durable Object → WebSocket → Node gateway →
 * llama.cpp. Where the model must call, it calls, and whatever is called has arguments of its schema; with the draft on
 * and off the calls are the same. What the model chooses by itself is counted, not judged.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Schema } from "../../src/core/grammar/schema/keywords.ts";
import { unmet } from "../../src/core/grammar/schema/valid.ts";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { DRAFT, describedTarget, PAIR, standIn, targetFile } from "../pair/pair.ts";
import type { Client, Result } from "../sdk/client.ts";
import { install, open, SDKS } from "../sdk/sdks.ts";
import { type Running as Origin, startOrigin } from "../support/service.ts";
import { type Running, start } from "../workerd/harness.ts";
import { schemaOf, TASKS, type Task, TOOLS } from "./tasks.ts";

/** The tasks by number: all, or those that OUTRIDER_TOOL_TASKS asks for: "10", or "10-20" to go on. */
const [, FIRST = "0", LAST = `${TASKS.length}`] =
  /^(?:(\d+)-)?(\d+)$/.exec(process.env.OUTRIDER_TOOL_TASKS ?? "") ?? [];
/** On a machine that does other things, too, the tools take minutes to read. */
const HANGING_MS = 1_200_000;
const TRIED = SDKS.filter(({ name }) => ["openai-js", "ai-sdk-compatible", "langchain-js"].includes(name));

let scratch: string;
let origin: Origin;
let edge: Running;

beforeAll(async () => {
  install(TRIED);
  await findLlamaLibrary();
  scratch = mkdtempSync(join(tmpdir(), "outrider-tools-"));
  const target = await describedTarget();
  const pack = DRAFT ?? (await standIn(target, join(scratch, "garbage"), "garbage"));
  const serve = ["--cpu", "--threads", "1", "--max-sessions", "2", "--kv-tokens", "2048", "--name", PAIR.target.model];
  origin = await startOrigin(await targetFile(), "llama", serve);
  edge = await start({
    packs: { target: pack, draft: DRAFT },
    withOrigin: false,
    edge: { ORIGIN_URL: origin.url, ORIGIN_DEADLINE_MS: "600000" },
  });
});

afterAll(async () => {
  await edge?.close();
  await origin?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** By turns the model may call, must call, and must call this one; every other answer is streamed. */
function fieldsOf({ question, tool }: Task, at: number): object {
  const choices = ["auto", "required", { type: "function", function: { name: tool } }];
  return {
    messages: [{ role: "user", content: question }],
    ...{ tools: TOOLS, tool_choice: choices[at % 3], parallel_tool_calls: false },
    ...{ temperature: at % 2 === 0 ? 0 : 0.7, seed: at, max_tokens: 80, stream: at % 4 > 1 },
    // One conversation for all, so that the origin reads the tools once.
    prompt_cache_key: "tools",
  };
}

const patience = (draft: string) => (draft === "off" ? {} : { patience_ms: 10_000 });

test.each(TRIED.map((sdk) => [sdk.name, sdk] as const))(`tasks ${FIRST} to ${LAST} through %s`, async (name, sdk) => {
  const service = { url: edge.url, key: "none", model: PAIR.target.model };
  const client: Client = open(sdk, service);
  const faults: string[] = [];
  const counts = { called: 0, must: 0, right: 0, valid: 0, same: 0 };
  try {
    for (const [at, task] of [...TASKS.entries()].slice(Number(FIRST), Number(LAST))) {
      const fields = fieldsOf(task, at);
      const ask = (draft: string): Promise<Result> =>
        client.call("chat", service, { ...fields, outrider: { draft, ...patience(draft) } }, HANGING_MS);
      const [on, off] = [await ask(DRAFT === null ? "lookup" : "both"), await ask("off")];
      const calls = on.calls ?? [];
      const must = at % 3 !== 0;
      const valid = calls.every((call) => unmet(schemaOf(call.name) as Schema, call.arguments) === null);
      const same = JSON.stringify([on.text, on.calls]) === JSON.stringify([off.text, off.calls]);
      counts.must += Number(must);
      counts.called += Number(calls.length > 0);
      counts.right += Number(calls[0]?.name === task.tool);
      counts.valid += Number(valid);
      counts.same += Number(same);
      const said = `${at + 1}, ${task.question} ${JSON.stringify(calls.length > 0 ? calls : on.text)}`;
      if (must && calls.length !== 1) faults.push(`${said}: it had to call`);
      if (must && !valid) faults.push(`${said}: not of its schema`);
      if (!same) faults.push(`${said}: with the draft off ${JSON.stringify(off.calls?.length ? off.calls : off.text)}`);
      console.log(`${name}: ${said}${valid ? "" : " (invalid)"}${same ? "" : " (differs)"}`);
    }
  } finally {
    client.close();
    console.log(`${name}: ${JSON.stringify(counts)}`);
  }
  expect(faults).toEqual([]);
});
