/**
 * Tools for a model whose chat template has no place for them, or calls them in a way that nobody here reads: the
 * system message describes them, and calls and results stand in the messages' text, in Hermes' format. A small model
 * that never learned it seldom calls by itself; where it must, the grammar makes it a call.
 */
import type { ChatCall, ChatMessage, ChatTool } from "../model/chat.ts";
import type { Conversation, Family } from "./family.ts";
import { CLOSE, OPEN, QWEN } from "./qwen.ts";

export const DESCRIBED: Family = { ...QWEN, writes: () => true, conversation };

function conversation({ messages, tools }: Conversation): Conversation {
  const written: ChatMessage[] = [];
  for (const message of messages) {
    const last = written.at(-1);
    if (message.role !== "tool") written.push(message.calls ? spoken(message, message.calls) : message);
    // Templates want user and assistant in turn, so the results of several calls are one message.
    else if (last?.callId !== undefined)
      written[written.length - 1] = { ...last, content: `${last.content}\n${result(message)}` };
    else written.push({ role: "user", content: result(message), callId: "" });
  }
  const plain = written.map(({ role, content }) => ({ role, content }));
  return { messages: tools.length > 0 ? told(plain, tools) : plain, tools: [] };
}

const result = ({ content }: ChatMessage): string => `<tool_response>\n${content}\n</tool_response>`;

function spoken({ role, content }: ChatMessage, calls: readonly ChatCall[]): ChatMessage {
  const written = calls.map(
    ({ name, arguments: given }) =>
      `${OPEN}\n{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(given)}}\n${CLOSE}`,
  );
  return { role, content: [...(content === "" ? [] : [content]), ...written].join("\n") };
}

function told(messages: readonly ChatMessage[], tools: readonly ChatTool[]): readonly ChatMessage[] {
  const [first, ...rest] = messages;
  const about = `# Tools

These functions can be called:
<tools>
${tools.map((tool) => JSON.stringify({ type: "function", function: tool })).join("\n")}
</tools>
To call one, answer with its name and an object of its arguments:
${OPEN}
{"name": "NAME", "arguments": ARGUMENTS}
${CLOSE}`;
  return first?.role === "system"
    ? [{ ...first, content: `${first.content}\n\n${about}` }, ...rest]
    : [{ role: "system", content: about }, ...messages];
}
