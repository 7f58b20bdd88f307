/**
 * Doors to a chat answer in other shapes than chat completions. A door turns its request into a chat request, and this
 * is what its answer needs to know beside the `Generation`. Plain data: it crosses from the Worker to the Session.
 */

import type { MessagesDialect } from "../api/messages/request.ts";
import type { ResponsesDialect } from "../api/responses/request.ts";
import type { Generation } from "../prompt/generation.ts";

export type Dialect = ResponsesDialect | MessagesDialect;

/** What a Session is asked; without a dialect the answer is a chat completion or a completion. */
export interface Asked extends Generation {
  readonly dialect: Dialect | null;
}
