/**
 * The defects that an adversarial run found, numbered as it numbered them, each with what mends it and the tests that
 * would tell if it came back. A row is also a way to take the mend out: `from` stands once in `file`, and with `to` in
 * its place the test must fail. `npm run test:defects` does that.
 */
export interface Mend {
  readonly defect: number;
  /** What was wrong, in a few words. */
  readonly was: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly test: string;
  readonly project?: "unit" | "workerd";
  /** Of the file's tests, those with this in their title; all unless given. */
  readonly title?: string;
}

export const MENDS: readonly Mend[] = [
  {
    defect: 1,
    was: "a prompt of a megabyte is tokenised whole before it is refused",
    file: "src/model/codec.ts",
    from: "if (out.length > most) throw tooMany(most);",
    to: "",
    test: "test/model/limits.test.ts",
    title: "the tiny model",
  },
  {
    defect: 1,
    was: "and in the Session, whose thread others share",
    file: "src/edge/length.ts",
    from: "if (fewest >= context) throw",
    to: "if (fewest < 0) throw",
    test: "test/edge/length.test.ts",
  },
  {
    defect: 1,
    was: "any number of messages",
    file: "src/edge/request-schemas.ts",
    from: "const MAX_MESSAGES = 2048;",
    to: "const MAX_MESSAGES = 1_000_000;",
    test: "test/edge/openai.test.ts",
  },
  {
    defect: 2,
    was: "a lease reserves what the answer may become",
    file: "src/origin/generation.ts",
    from: "await this.work(lease, position + positionsIn(scored),",
    to: "await this.work(lease, position + most,",
    test: "test/origin/sequences.test.ts",
    title: "one answer without an end",
  },
  {
    defect: 2,
    was: "an answer has no cap",
    file: "src/edge/max-tokens.ts",
    from: "return Math.min(asked ?? cap, cap, ofKey ?? cap);",
    to: "return asked ?? Number.POSITIVE_INFINITY;",
    test: "test/edge/max-tokens.test.ts",
  },
  {
    defect: 3,
    was: "a refused upgrade keeps its descriptor as long as the caller likes",
    file: "src/origin/node.ts",
    from: "body}`, () => socket.destroy());",
    to: "body}`);",
    test: "test/origin/sockets.test.ts",
    title: "a refused upgrade",
  },
  {
    defect: 4,
    was: "conversations that begin alike share one Session, and the sixth is refused",
    file: "src/edge/spare.ts",
    from: '[UNLESS_BUSY]: "true"',
    to: "",
    test: "test/workerd/session.test.ts",
    project: "workerd",
    title: "12 at once",
  },
  {
    defect: 5,
    was: "half a megabyte is stored for one word, a week long",
    file: "src/bill/keeping.ts",
    from: "pages: goesOn || tokens >= LONG_TOKENS",
    to: "pages: true",
    test: "test/bill/keeping.test.ts",
  },
  {
    defect: 6,
    was: "requests that failed leave tables behind for ever",
    file: "src/edge/table.ts",
    from: "return found && work(sql);",
    to: "if (!found) this.write(() => {});\n      return found && work(sql);",
    test: "test/edge/table.test.ts",
  },
  {
    defect: 7,
    was: "an open API tells how far a guess agrees with somebody's conversation",
    file: "src/edge/untold.ts",
    from: "cache_n: 0,",
    to: "",
    test: "test/workerd/cost.test.ts",
    project: "workerd",
    title: "open to everybody",
  },
  {
    defect: 8,
    was: "waiting requests whose client has left keep their place",
    file: "src/edge/waiting.ts",
    from: 'left?.addEventListener("abort", leave, { once: true });',
    to: "",
    test: "test/edge/queue.test.ts",
    title: "gives its place back",
  },
  {
    defect: 9,
    was: "an error of SQLite ends drafting or the conversation for ever",
    file: "src/edge/table.ts",
    from: "this.#drop();\n      return undefined;",
    to: "throw error;",
    test: "test/edge/table.test.ts",
  },
  {
    defect: 10,
    was: 'API_KEYS=" , " opens the API',
    file: "src/edge/tenant.ts",
    from: "if (keys.length > 0) return keys;",
    to: "return keys;",
    test: "test/edge/tenant.test.ts",
  },
  {
    defect: 11,
    was: "a request without a token that is none gives 500 and a stack in the log",
    file: "src/origin/door.ts",
    from: "if (route !== ",
    to: "if (!URL.canParse(new URL(request.url).pathname)) throw new TypeError(route);\n    if (route !== ",
    test: "test/origin/sockets.test.ts",
    title: "is refused without a word",
  },
  {
    defect: 12,
    was: "a lying context ends in a raw stack",
    file: "src/model/config.ts",
    from: "const MAX_CONTEXT = 1 << 24;",
    to: "const MAX_CONTEXT = Number.MAX_SAFE_INTEGER;",
    test: "test/draft/lying-context.test.ts",
  },
  {
    defect: 13,
    was: "a small gzip unpacks to more than a string can hold",
    file: "src/text/text-file.ts",
    from: "{ maxOutputLength: MAX_BYTES }",
    to: "{}",
    test: "test/text/text-file.test.ts",
  },
  {
    defect: 13,
    was: "a chat template may loop at will",
    file: "src/model/template.ts",
    from: "if (this.#taken > this.#steps)",
    to: "if (this.#taken < 0)",
    test: "test/model/limits.test.ts",
    title: "is stopped",
  },
  {
    defect: 13,
    was: "merges that are no list end in a TypeError",
    file: "src/model/codec.ts",
    from: "Array.isArray(model.merges) && model.merges.every(isMerge)]",
    to: "model.merges.every(isMerge)]",
    test: "test/model/limits.test.ts",
    title: "merges",
  },
  {
    defect: 14,
    was: "an origin that says nothing costs the client minutes",
    file: "src/verify/client.ts",
    from: "this.#deadline = setTimeout(",
    to: "if (ms < 0) this.#deadline = setTimeout(",
    test: "test/verify/client.test.ts",
    title: "one deadline for all tries",
  },
  {
    defect: 15,
    was: "an origin's words reach the client as they are",
    file: "src/verify/failures.ts",
    from: "line(message)}",
    to: "message}",
    test: "test/verify/client.test.ts",
    title: "one line of words",
  },
  {
    defect: 15,
    was: "ids outside the vocabulary are taken",
    file: "src/verify/client.ts",
    from: "id !== null && id >= vocabularySize",
    to: "id !== null && id < 0",
    test: "test/verify/client.test.ts",
  },
  {
    defect: 15,
    was: "an end before any verdict is an empty answer",
    file: "src/verify/client.ts",
    from: "if (all && this.#begun && (reason",
    to: "if (all && (reason",
    test: "test/verify/client.test.ts",
  },
  {
    defect: 16,
    was: "a long body of unknown length breaks the connection before its client has read why",
    file: "src/edge/body.ts",
    from: "if (bytes > MAX_BODY + MAX_THROWN) return;",
    to: "if (bytes > Math.min(MAX_BODY, MAX_THROWN)) return;",
    test: "test/workerd/api.test.ts",
    project: "workerd",
    title: "a body of unknown length",
  },
];
