/** Bodies of requests, checked against a schema. What is wrong is told in our sentences, with the field's place. */
import type * as z from "zod";
import { OutriderError } from "../model/errors.ts";
import { sentence } from "./sentences.ts";

/** A body that is a JSON object. Throws `invalid_request`. */
export function objectOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  throw new OutriderError("invalid_request", "the body must be a JSON object");
}

/**
 * What a schema reads of a body. Throws `invalid_request` for the first thing that is wrong.
 * @param named how a route writes a place
 */
export function checkedBody<T extends z.ZodType>(
  schema: T,
  body: unknown,
  named: (path: readonly PropertyKey[]) => string = dotted,
): z.infer<T> {
  const parsed = schema.safeParse(objectOf(body), { error: sentence, reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = named(issue?.path ?? []);
  throw new OutriderError("invalid_request", `${param}: ${issue?.message ?? "is not valid"}`, { param });
}

/** ["messages", 0, "role"] → "messages.0.role". */
export const dotted = (path: readonly PropertyKey[]): string => path.map(String).join(".");
