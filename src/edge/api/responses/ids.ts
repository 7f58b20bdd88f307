/**
 * Ids of responses and of their items. An id holds the root by which its Session is found, and the request that made
 * it. Whoever learns the id of another tenant's response is led to a Session of their own, which does not know it.
 */

/** Hex digits of a root and of a request. */
const ROOT = 24;
const REQUEST = 32;
const PATTERN = new RegExp(`^(?:resp|msg|fc)_([0-9a-f]{${ROOT}})([0-9a-f]{${REQUEST}})([0-9a-f]{2})?$`);

/** @param requestId as the header `x-request-id` has it */
export const responseId = (root: string, requestId: string): string => `resp_${root}${requestId.replace(/^req_/, "")}`;

/**
 * The id of an item of a response's output.
 * @param at its place there; the message that most answers are has the response's own digits alone
 */
export function itemId(id: string, kind: "msg" | "fc", at: number): string {
  const place = kind === "msg" && at === 0 ? "" : at.toString(16).padStart(2, "0");
  return `${id.replace(/^resp/, kind)}${place}`;
}

/** Where an item is; null for an id that is not of this server. */
export function itemAt(id: string): { readonly response: string; readonly at: number } | null {
  const [, root, request, at = "0"] = PATTERN.exec(id) ?? [];
  return root === undefined ? null : { response: `resp_${root}${request}`, at: Number.parseInt(at, 16) };
}

/** The root in an id of this server. */
export const rootIn = (id: string): string | null => PATTERN.exec(id)?.[1] ?? null;

/** The root of a conversation that is found by `mark`, a name in hex. */
export const rootOf = (mark: string): string => mark.slice(0, ROOT);

export const randomRoot = (): string => rootOf(crypto.randomUUID().replaceAll("-", ""));
