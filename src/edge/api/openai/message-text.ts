/** What a message of OpenAI's API says: its role and its text, or a refusal that names the place. */
import type * as z from "zod";
import type { ChatMessage } from "../../../core/model/chat.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import type { messageSchema } from "./request-schemas.ts";

/** @param at the place of the message, such as `messages[0]` */
export function role(name: string, at: string): ChatMessage["role"] {
  if (name === "system" || name === "developer") return "system";
  if (name === "user" || name === "assistant" || name === "tool") return name;
  const param = `${at}.role`;
  if (name === "function") {
    throw new OutriderError("unsupported_value", `${param}: function is an older form; send tool`, { param });
  }
  throw new OutriderError(
    "invalid_request",
    `${param}: must be system, developer, user, assistant or tool, got ${JSON.stringify(name)}`,
    { param },
  );
}

/** The text of a message. Null stands for none where an assistant said nothing. */
export function messageText({ role, content }: z.infer<typeof messageSchema>, at: string): string {
  if (content != null) return text(content, at);
  if (role === "assistant") return "";
  const param = `${at}.content`;
  throw new OutriderError("invalid_request", `${param}: must be a string or an array of text parts`, { param });
}

function text(content: string | readonly { type: string; text?: string | undefined }[], at: string): string {
  if (typeof content === "string") return content;
  return content
    .map((part, i) => {
      const param = `${at}.content[${i}]`;
      if (part.type !== "text") {
        throw new OutriderError(
          "unsupported_value",
          `${param}: only text parts are supported, got ${JSON.stringify(part.type)}`,
          { param },
        );
      }
      if (part.text === undefined) throw new OutriderError("invalid_request", `${param}.text: is missing`, { param });
      return part.text;
    })
    .join("");
}
