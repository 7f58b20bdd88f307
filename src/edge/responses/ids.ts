/**
 * Ids of responses and of their items. An id holds the root by which its Session is found, and the request that made
 * it. Whoever learns the id of another tenant's response is led to a Session of their own, which does not know it.
 */

/** Hex digits of a root and of a request. */
const ROOT = 24;
const REQUEST = 32;
const PATTERN = new RegExp(`^(?:resp|msg)_([0-9a-f]{${ROOT}})([0-9a-f]{${REQUEST}})$`);

/** @param requestId as the header `x-request-id` has it */
export const responseId = (root: string, requestId: string): string => `resp_${root}${requestId.replace(/^req_/, "")}`;

/** The id of a response's only message. */
export const messageId = (id: string): string => id.replace(/^resp_/, "msg_");

/** The response that a message or a response's own id belongs to; null for an id that is not of this server. */
export const responseOf = (id: string): string | null => (PATTERN.test(id) ? id.replace(/^msg_/, "resp_") : null);

/** The root in an id of this server. */
export const rootIn = (id: string): string | null => PATTERN.exec(id)?.[1] ?? null;

/** The root of a conversation that is found by `mark`, a name in hex. */
export const rootOf = (mark: string): string => mark.slice(0, ROOT);

export const randomRoot = (): string => rootOf(crypto.randomUUID().replaceAll("-", ""));
