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
import { printed } from "../support/printed.ts";
import { TINY_PACKS } from "../support/tiny.ts";

const directory = mkdtempSync(path.join(tmpdir(), "outrider-served-"));
const out = path.join(directory, "corpus.jsonl");
const questions = path.join(directory, "questions.txt");
writeFileSync(questions, "Tell me about the road\n");

type Body = Record<string, unknown>;
type Answer = readonly [status: number, body: unknown];

let server: Server;
afterEach(() => {
  vi.restoreAllMocks();
  server.closeAllConnections();
  server.close();
  rmSync(out, { force: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the command against a server that gives these answers, an array as a stream. Returns the requests by route. */
async function corpus(answer: (route: string, nth: number) => Answer): Promise<[string, Body | null][]> {
  const asked: [string, Body | null][] = [];
  server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    asked.push([request.url!, text === "" ? null : JSON.parse(text)]);
    const [status, said] = answer(request.url!, asked.length);
    const isStream = Array.isArray(said);
    response.writeHead(status, { "content-type": isStream ? "text/event-stream" : "application/json" });
    response.end(isStream ? said.map((each) => `data: ${JSON.stringify(each)}\n\n`).join("") : JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const source = ["--url", url, "--tokenizer", TINY_PACKS.target, "--prompts", questions, "--temperature", "0.7"];
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
  await printed(() => corpusCommand.run(["--out", out, ...source]));
  return asked;
}

const models = (...ids: string[]): Answer => [200, { data: ids.map((id) => ({ id })) }];
const piece = (content: string | undefined, finish_reason: string | null) => ({
  choices: [{ delta: { content }, finish_reason }],
});
const lines = (): Line[] =>
  readFileSync(out, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

test.each([
  ["stop", true],
  ["length", false],
])("an answer that ended by %s", async (reason, ended) => {
  const target = await Target.open(TINY_PACKS.target);
  const said: Answer = [
    200,
    [piece("The road", null), piece(" goes on", null), piece(undefined, reason), { choices: [] }],
  ];
  const asked = await corpus((route) => (route === "/v1/models" ? models("big") : said));
  const [line] = lines();
  expect(target.decode(line!.answer)).toBe("The road goes on");
  expect(target.ended(line!.answer)).toBe(ended);
  expect(asked.map(([route]) => route)).toEqual(["/v1/models", "/v1/chat/completions"]);
  expect(asked[1]![1]).toMatchObject({
    messages: [{ role: "user", content: "Tell me about the road" }],
    ...{ model: "big", temperature: 0.7, top_p: 1, seed: line!.seed, max_tokens: 256 },
  });
});

test.each([429, 503])("a server that is busy (%i) is asked again", async (status) => {
  const said: Answer = [200, [piece("Yes", "stop")]];
  const asked = await corpus((route, nth) =>
    route === "/v1/models" ? models("big") : nth === 2 ? [status, {}] : said,
  );
  expect(asked).toHaveLength(3);
  expect(lines()).toHaveLength(1);
});

test.each<[string, Answer, Answer, string]>([
  ["has several models", models("a", "b"), models(), "has 2 models (a, b); let it serve the target alone"],
  ["speaks no such API", [404, { error: "no" }], models(), "answered 404"],
  ["refuses", models("big"), [400, { error: { message: "no seeds" } }], "no seeds"],
  ["streams nothing", models("big"), [200, {}], "sent no stream of events"],
])("a server that %s is told of in a sentence", async (_, first, then, message) => {
  await expect(corpus((route) => (route === "/v1/models" ? first : then))).rejects.toThrow(message);
  expect(existsSync(out)).toBe(false);
});
