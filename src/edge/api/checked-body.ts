/**
 * Bodies of requests, checked against a schema. What is wrong is told in our sentences, with the field's place. The
 * Worker does this before any limit of a key is asked, so a body costs little however wrong it is: only the first thing
 * that is wrong is looked for.
 */
import type * as z from "zod";
import { OutriderError } from "../../core/model/errors.ts";
import { MAX_SHAPED } from "../../core/verify/protocol.ts";
import { sentence } from "./sentences.ts";

/** zod stops at what is wrong as it does for its own `validate`; a list of half a million is otherwise read to its end. */
const READING: z.core.ParseContextInternal<z.core.$ZodIssue> = {
  error: sentence,
  reportInput: true,
  abortEarly: true,
};
/** Entries of a body, and of an object in one of its fields: as many as a bias may name tokens. */
const MOST_ENTRIES = MAX_SHAPED;

export type JsonObject = Readonly<Record<string, unknown>>;

/** A body that is a JSON object of not too many fields. Throws `invalid_request`. */
export function objectOf(body: unknown): JsonObject {
  if (!isObject(body)) throw new OutriderError("invalid_request", "the body must be a JSON object");
  checkSize(body, "the body");
  return body;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** zod keeps something of each entry of an object that is wrong, be it the first or not. */
function checkSize(object: JsonObject, name: string, param?: string): void {
  const { length } = Object.keys(object);
  if (length <= MOST_ENTRIES) return;
  const message = `${name} has ${length} entries; the limit is ${MOST_ENTRIES}`;
  throw new OutriderError("invalid_request", message, param === undefined ? {} : { param });
}

/**
 * What a schema reads of a body. Throws `invalid_request` for the first thing that is wrong, and
 * `unsupported_parameter` for a field that the schema of a whole body lacks.
 */
export function checkedBody<T extends z.ZodType>(schema: T, body: unknown): z.infer<T> {
  const given = objectOf(body);
  for (const [param, value] of Object.entries(given)) {
    // A longer list is refused by its length, or holds no objects.
    const objects = Array.isArray(value) && value.length <= MOST_ENTRIES ? value : [value];
    for (const object of objects) if (isObject(object)) checkSize(object, `${param}: an object`, param);
  }
  const parsed = schema.safeParse(given, READING);
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
