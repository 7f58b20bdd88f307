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
 * What a schema reads of a body. Throws `invalid_request` for the first thing that is wrong, and
 * `unsupported_parameter` for a field that the schema of a whole body lacks.
 */
export function checkedBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const parsed = schema.safeParse(objectOf(body), { error: sentence, reportInput: true });
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const unknown = issue.code === "unrecognized_keys" && issue.path.length === 0;
  const param = unknown ? issue.keys[0]! : placeOf(issue.path);
  throw new OutriderError(unknown ? "unsupported_parameter" : "invalid_request", `${param}: ${issue.message}`, {
    param,
  });
}

/** ["messages", 0, "role"] → "messages[0].role", as OpenAI writes it. */
const placeOf = (path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (all, key) => (typeof key === "number" ? `${all}[${key}]` : all ? `${all}.${String(key)}` : String(key)),
    "",
  );
