/**
 * `outrider corpus --url` against servers that lack something or answer oddly. The real service is in
 * test/workerd/corpus.test.ts.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { corpusCommand } from "../../src/tools/commands/corpus.ts";
import type { Line } from "../../src/tools/corpus/line.ts";
import { Target } from "../../src/tools/corpus/target.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-corpus-api-"));
const out = path.join(directory, "corpus.jsonl");
const questions = path.join(directory, "questions.txt");
writeFileSync(questions, "Tell me about the road\n");

type Body = Record<string, unknown> & { messages: { content: string }[] };
type Answer = readonly [status: number, body: unknown];

let server: Server;
afterEach(() => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
  rmSync(out, { force: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the command against a server that gives the answers of `answer`. Returns the requests by route. */
async function corpus(answer: (route: string, body: Body) => Answer, ...argv: string[]): Promise<[string, Body][]> {
  const asked: [string, Body][] = [];
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = text === "" ? undefined : JSON.parse(text);
    asked.push([request.url!, body]);
    const [status, said] = answer(request.url!, body);
    response.writeHead(status, { "retry-after": "0" }).end(typeof said === "string" ? said : JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  await corpusCommand.run(["--out", out, "--url", url, "--tokenizer", TINY_PACKS.target, ...argv]);
  return asked;
}

const lines = (): Line[] =>
  readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
const models = (...ids: string[]): Answer => [200, { data: ids.map((id) => ({ id })) }];
const said = (content: unknown, finish_reason: string): Answer => [
  200,
  { choices: [{ message: { content }, finish_reason }] },
];

test("asks for the plain distribution, and ends with the end of turn what ended itself", async () => {
  const asked = await corpus(
    (route, body) =>
      route === "/v1/models" ? models("m") : said("The road", body.temperature === 0 ? "stop" : "length"),
    ...["--prompts", questions, "--max-tokens", "7", "--temperature", "0,0.5"],
  );
  const target = await Target.open(TINY_PACKS.target);
  const [ended, cut] = lines();
  expect(ended!.answer).toEqual([...cut!.answer, 2]);
  expect(target.decode(cut!.answer)).toBe("The road");
  const messages = [{ role: "user", content: "Tell me about the road" }];
  expect(ended!.prompt).toEqual(target.prompt(messages));
  expect(asked.find(([, body]) => body?.temperature === 0.5)).toEqual([
    "/v1/chat/completions",
    { model: "m", messages, temperature: 0.5, top_p: 1, max_tokens: 7, seed: cut!.seed },
  ]);
});

test("no more requests than --concurrency are at work together", async () => {
  writeFileSync(questions, Array.from({ length: 12 }, (_, n) => `Tell me about road ${n}`).join("\n"));
  let open = 0;
  let most = 0;
  const count = (event: "open" | "close") => {
    open += event === "open" ? 1 : -1;
    most = Math.max(most, open);
  };
  server = createServer((request, response) => {
    if (request.method === "POST") count("open");
    setTimeout(() => {
      if (request.method === "POST") count("close");
      response.end(JSON.stringify(said("yes", "stop")[1]));
    }, 10);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  vi.spyOn(console, "log").mockImplementation(() => {});
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const target = ["--url", url, "--tokenizer", TINY_PACKS.target, "--model", "m", "--concurrency", "3"];
  await corpusCommand.run(["--out", out, ...target, "--prompts", questions, "--temperature", "0"]);
  expect(most).toBe(3);
  expect(lines().length).toBe(12);
});

test("a busy server is waited for, and what was written stays when it breaks for good", async () => {
  writeFileSync(questions, "one\ntwo\nthree\n");
  let busy = 2;
  const answer = (_: string, { messages }: Body): Answer => {
    if (messages[0]!.content === "three") return [400, { error: { message: "three is too many" } }];
    return busy-- > 0 ? [429, "later"] : said(`${messages[0]!.content} it is`, "stop");
  };
  const argv = ["--prompts", questions, "--model", "m", "--temperature", "0"];
  await expect(corpus(answer, ...argv)).rejects.toThrow("answered 400: three is too many");
  expect(lines().length).toBe(2);
});

test.each<[string, (route: string) => Answer, string[], string]>([
  ["several models", () => models("a", "b"), ["--self", "1"], "the server has 2 models: a, b; name one with --model"],
  [
    "no raw prompts",
    () => [404, "nothing here"],
    ["--self", "1", "--model", "m"],
    '/v1/completions answered 404: "nothing here". ' +
      "--self needs /v1/completions with a prompt of token ids; give questions",
  ],
  [
    "raw prompts of text only",
    () => [400, { error: { message: "prompt must be a string" } }],
    ["--self", "1", "--model", "m"],
    "prompt must be a string. --self needs",
  ],
  [
    "an unknown model",
    () => [404, { error: { message: 'the model "m" does not exist' } }],
    ["--prompts", questions, "--model", "m"],
    'answered 404: the model "m" does not exist',
  ],
  [
    "an answer without text",
    () => said(null, "tool_calls"),
    ["--prompts", questions, "--model", "m"],
    "answered not as OpenAI's API does: choices.0.message.content:",
  ],
  ["no choice", () => [200, { choices: [] }], ["--prompts", questions, "--model", "m"], "API does: choices:"],
])("says what is missing: %s", async (_, answer, argv, message) => {
  await expect(corpus(answer, ...argv)).rejects.toThrow(message);
  expect(existsSync(out)).toBe(false);
});
