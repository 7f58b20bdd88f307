/** What src/edge/api/document/openapi.ts says, as docs/reference/api.md. */

import { openapi } from "../src/edge/api/document/openapi.ts";
import type { Api, Operation, Schema } from "../src/edge/api/document/operations.ts";
import { ERRORS } from "../src/edge/api/error-table.ts";
import { REFUSED_OF_MESSAGES } from "../src/edge/api/messages/request.ts";
import { FIELDS, type Field, IGNORED } from "../src/edge/api/openai/fields.ts";
import { REFUSED_OF_RESPONSES } from "../src/edge/api/responses/request.ts";

/** Path under the repository → content. */
export function apiFiles(): Record<string, string> {
  const api = openapi();
  return { "docs/reference/api.md": markdown(api) };
}

function markdown(api: Api): string {
  return `${[
    "# API reference",
    "<!-- Written by `npm run docs:generate` from the schemas in src/edge. Change those, not this file. -->",
    "Outrider speaks OpenAI's API: point any OpenAI SDK at `http://localhost:8787/v1`. Fields that are " +
      "Outrider's own stand under `outrider`. An edge serves this document as `/openapi.json` " +
      "(OpenAPI 3.1) and as a page at `/docs`.",
    "Send `Authorization: Bearer KEY` where the deployment has keys. Every answer carries `x-request-id`, " +
      "which the operator's log repeats. Errors that may go away carry `retry-after`. Once the target has worked for " +
      "a request the answer carries `x-should-retry: false`.",
    "Where a key has limits, answers and refusals carry OpenAI's `x-ratelimit-limit-requests`, " +
      "`x-ratelimit-remaining-requests`, `x-ratelimit-reset-requests` and the same with `tokens`: of the minute or the " +
      "day, whichever has less left. An answer is at most `MAX_TOKENS` of the deployment long, 4,096 unless set, also " +
      "where a request names more or nothing.",
    "## Routes",
    ...Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => route(`${method.toUpperCase()} ${path}`, operation)),
    ),
    "## Errors",
    table(
      ["status", "code", "when"],
      Object.entries(ERRORS).flatMap(([status, codes]) =>
        Object.entries(codes).map(([code, when]) => [status, `\`${code}\``, when]),
      ),
    ),
    "A stream that breaks ends with an event that holds an `Error`.",
    "## Fields of other dialects",
    "Each field of OpenAI's API, of llama.cpp's server and of vLLM's is honoured, refused or without effect; none is " +
      "dropped in silence. What is honoured is described under [ChatRequest](#chatrequest) and " +
      "[CompletionRequest](#completionrequest). What is refused would change the answer in ways that Outrider cannot: " +
      "a request that sets it gets status 400, `unsupported_parameter`. A value that asks for nothing passes. What is " +
      `without effect is named in the header \`${IGNORED}\`, and so is a field that is none of these. One that looks ` +
      "like a misspelt field is refused.",
    table(
      ["field", "dialects", "", "why", "values that pass"],
      Object.entries(FIELDS).map(([name, field]) => [
        `\`${name}\``,
        [...field.dialects].map((letter) => DIALECTS[letter]).join(", "),
        fate(field),
        field.why ?? "",
        passing(field),
      ]),
    ),
    "`/v1/responses` and `/v1/messages` turn their requests into chat requests, so the same holds there. What a " +
      "response repeats (`metadata`) or heeds (`store`) is not without effect there. Refused there, too:",
    table(
      ["field", "route", "why", "values that pass"],
      Object.entries({ "/v1/responses": REFUSED_OF_RESPONSES, "/v1/messages": REFUSED_OF_MESSAGES }).flatMap(
        ([path, refusals]) =>
          Object.entries(refusals).map(([name, { why, fine }]) => [`\`${name}\``, `\`${path}\``, why, values(fine)]),
      ),
    ),
    "## Objects",
    ...Object.entries(api.components.schemas).map(([name, schema]) =>
      [`### ${name}`, schema.description ?? "", fields(schema)].join("\n\n"),
    ),
  ].join("\n\n")}\n`;
}

const DIALECTS: Readonly<Record<string, string>> = { o: "OpenAI", l: "llama.cpp", v: "vLLM", x: "Outrider" };
const DOORS = { chat: " (chat)", text: " (completions)" };
const FATES = { honoured: "honoured", refused: "refused", ignored: "without effect" };

const fate = ({ fate, door }: Field): string => `${FATES[fate]}${door ? DOORS[door] : ""}`;

const passing = ({ fate, fine }: Field): string => (fate === "refused" ? values(fine) : "");

function values(fine: readonly unknown[] | undefined): string {
  if (!fine) return "`null`, `false`, `0`, empty";
  return ["`null`", ...fine.map((value) => `\`${JSON.stringify(value)}\``)].join(", ");
}

function route(title: string, { summary, description, parameters = [], requestBody, responses }: Operation): string {
  const body = requestBody && type(Object.values(requestBody.content)[0]?.schema ?? {});
  const rows = Object.entries(responses).map(([status, response]) => {
    const kinds = Object.values(response.content ?? {}).map(({ schema }) => type(schema));
    return [status, kinds.join(" or "), response.description];
  });
  return [
    `### ${title}`,
    `${summary}.${description ? ` ${description}` : ""}${body ? ` Body: ${body}.` : ""}`,
    ...parameters.map(({ name, in: where, description }) => `\`${name}\` (${where}): ${description}`),
    table(["status", "body", "meaning"], rows),
  ].join("\n\n");
}

function fields({ properties = {}, required = [] }: Schema): string {
  return table(
    ["field", "type", "", "meaning"],
    Object.entries(properties).flatMap(([name, schema]) => field(name, schema, required.includes(name))),
  );
}

/** A field, and the fields of an object that has no name of its own below it. */
function field(name: string, schema: Schema, needed: boolean): string[][] {
  const row = [`\`${name}\``, type(schema), needed ? "required" : "", schema.description ?? ""];
  const inner = schema.items?.properties ? schema.items : schema;
  const prefix = inner === schema ? name : `${name}[]`;
  return [
    row,
    ...Object.entries(inner.properties ?? {}).flatMap(([key, value]) =>
      field(`${prefix}.${key}`, value, inner.required?.includes(key) ?? false),
    ),
  ];
}

/** A schema in a few words. */
function type(schema: Schema): string {
  if (schema.$ref) {
    const name = schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
    return `[${name}](#${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(", ");
  if (schema.anyOf) {
    const kinds = schema.anyOf.filter(({ type }) => type !== "null").map(type);
    return [...new Set(kinds)].join(" or ");
  }
  if (schema.type === "array") return `array of ${type({ ...schema.items, minimum: undefined })}`;
  const { minimum, maximum } = schema;
  const name = [schema.type ?? "any"].flat().filter((each) => each !== "null")[0] ?? "null";
  if (minimum !== undefined && maximum !== undefined) return `${name}, ${minimum} to ${maximum}`;
  return minimum === undefined ? name : `${name}, at least ${minimum}`;
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.map(cell).join(" | ")} |`).join("\n");

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
