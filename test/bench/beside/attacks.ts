/**
 * Requests that once took an edge's thread for seconds, and cost the key that sent them nothing. Most are bodies just
 * below what a body may have, of which nearly nothing is worth an answer.
 */
export interface Attack {
  readonly path: string;
  /** Text of the body. */
  body(model: string): string;
}

const BYTES = 1024 * 1024 - 300;

const filled = (text: string, bytes = BYTES): string => text.repeat(Math.floor(bytes / text.length));
const list = (item: string, bytes = BYTES): string => `[${filled(`${item},`, bytes).slice(0, -1)}]`;
const chat = (model: string, content: string, more = ""): string =>
  `{"model":"${model}","messages":[{"role":"user","content":"${content}"}]${more}}`;

/** Names that nobody knows, of ten letters each. */
const strangers = (): string => {
  const names = Array.from({ length: Math.floor(BYTES / 15) }, (_, n) => `x${n.toString(36).padStart(9, "y")}`);
  return names.map((name) => `,"${name}":1`).join("");
};

export const ATTACKS: Readonly<Record<string, Attack>> = {
  // Is thrown away unread: what the bytes alone cost on their way.
  unread: { path: "/v1/unread", body: () => `"${filled("7")}"` },
  prompt: { path: "/v1/chat/completions", body: (model) => chat(model, filled("7")) },
  tokenize: { path: "/tokenize", body: () => `{"prompt":"${filled("7")}","return_token_strs":true}` },
  // Is answered, also by the smallest of models.
  within: { path: "/tokenize", body: () => `{"content":"${filled("7", 8000)}","with_pieces":true}` },
  pieces: { path: "/tokenize", body: () => `{"content":"${filled("a1")}","with_pieces":true}` },
  detokenize: { path: "/detokenize", body: () => `{"tokens":${list("200")}}` },
  template: {
    path: "/apply-template",
    body: () => `{"messages":[{"role":"assistant","content":"${filled("<")}"},{"role":"user","content":"a"}]}`,
  },
  count: {
    path: "/v1/messages/count_tokens",
    body: (model) => chat(model, filled("a1")),
  },
  fields: { path: "/v1/chat/completions", body: (model) => chat(model, "a", strangers()) },
  lists: { path: "/v1/completions", body: (model) => `{"model":"${model}","prompt":${list("{}")}}` },
  items: {
    path: "/v1/responses",
    body: (model) => `{"model":"${model}","input":${list('{"type":"function_call"}')}}`,
  },
  specials: {
    path: "/v1/chat/completions",
    body: (model) => {
      const given = JSON.stringify(JSON.stringify({ a: filled("<,", BYTES / 4).split(",") }));
      const call = `{"id":"a","type":"function","function":{"name":"a","arguments":${given}}}`;
      const called = `{"role":"assistant","content":"a","tool_calls":[${call}]}`;
      return `{"model":"${model}","messages":[{"role":"user","content":"a"},${called},{"role":"user","content":"a"}]}`;
    },
  },
};
