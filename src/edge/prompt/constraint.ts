/**
 * The form that a request asks for, under the names that OpenAI, llama.cpp and vLLM have for it, as a constraint.
 * Whether it can be enforced is the Session's to find out, where there is time for it.
 */
import * as z from "zod";
import { type ConstraintSource, JSON_OBJECT, REFUSALS } from "../../core/grammar/source.ts";
import { OutriderError } from "../../core/model/errors.ts";
import type { Generation } from "./generation.ts";

const MAX_CHOICES = 4096;

const schema = z
  .union([z.record(z.string(), z.unknown()), z.boolean()], { error: "must be a JSON Schema" })
  .describe("A JSON Schema. What cannot be enforced is refused by name, before anything is generated.");
const schemaOrText = z.union([schema, z.string()], { error: "must be a JSON Schema, or its text" });
const choices = z.array(z.string().min(1)).min(1).max(MAX_CHOICES);

const responseFormatSchema = z
  .discriminatedUnion(
    "type",
    [
      z.object({ type: z.literal("text") }),
      z.object({ type: z.literal("json_object"), schema: schema.nullish().describe("As llama.cpp takes it.") }),
      z.object({
        type: z.literal("json_schema"),
        json_schema: z
          .object({
            name: z.string().nullish().describe("Without effect."),
            description: z.string().nullish().describe("Without effect."),
            schema: schema.nullish(),
            strict: z.boolean().nullish().describe("The schema is always enforced."),
          })
          .nullish(),
        schema: schema.nullish().describe("As llama.cpp takes it."),
      }),
    ],
    { error: 'must have the type "text", "json_object" or "json_schema"' },
  )
  .meta({ id: "ResponseFormat", description: "The form of the answer." });

const structuredOutputsSchema = z
  .strictObject({
    json: schemaOrText.nullish(),
    regex: z.string().nullish().describe("A regular expression that the whole answer matches."),
    choice: choices.nullish().describe("The answer is one of these."),
    grammar: z.string().nullish().describe("A grammar in GBNF."),
    json_object: z.boolean().nullish().describe("Any JSON object."),
  })
  .meta({ id: "StructuredOutputs", description: "The form of the answer, as vLLM takes it: one of these." });

/** Fields of a request, all optional. */
export const CONSTRAINT_FIELDS = {
  response_format: responseFormatSchema
    .nullish()
    .describe("`json_object`: a JSON object; `json_schema`: a value of the schema."),
  json_schema: schema.nullish().describe("llama.cpp's name: the answer is a value of this schema."),
  grammar: z.string().nullish().describe("llama.cpp's name: a grammar in GBNF that the answer follows."),
  structured_outputs: structuredOutputsSchema
    .nullish()
    .describe("vLLM's name: a schema, a regular expression, a choice or a grammar."),
  guided_json: schemaOrText.nullish().describe("Older name of `structured_outputs.json`."),
  guided_regex: z.string().nullish().describe("Older name of `structured_outputs.regex`."),
  guided_choice: choices.nullish().describe("Older name of `structured_outputs.choice`."),
  guided_grammar: z.string().nullish().describe("Older name of `structured_outputs.grammar`."),
};

type ConstraintFields = z.infer<z.ZodObject<typeof CONSTRAINT_FIELDS>>;

/** The form, and which field asks for it. Throws `invalid_request` where two do. */
export function constraintOf(fields: ConstraintFields): Pick<Generation, "constraint" | "constraintField"> {
  const { structured_outputs: outputs } = fields;
  const asks: [string, ConstraintSource | null][] = [
    ["response_format", ofResponseFormat(fields.response_format)],
    ["json_schema", fields.json_schema == null ? null : ofSchema(fields.json_schema, "json_schema")],
    ["grammar", ofGrammar(fields.grammar)],
    ["guided_json", fields.guided_json == null ? null : ofSchema(fields.guided_json, "guided_json")],
    ["guided_regex", ofPattern(fields.guided_regex)],
    ["guided_choice", ofChoices(fields.guided_choice)],
    ["guided_grammar", ofGrammar(fields.guided_grammar)],
    ["structured_outputs.json", outputs?.json == null ? null : ofSchema(outputs.json, "structured_outputs.json")],
    ["structured_outputs.regex", ofPattern(outputs?.regex)],
    ["structured_outputs.choice", ofChoices(outputs?.choice)],
    ["structured_outputs.grammar", ofGrammar(outputs?.grammar)],
    ["structured_outputs.json_object", outputs?.json_object ? JSON_OBJECT : null],
  ];
  const [first, second] = asks.filter(([, source]) => source !== null);
  if (second) throw invalid(second[0], `${first![0]} asks for a form, too; send one of them`);
  return { constraint: first?.[1] ?? null, constraintField: first?.[0] ?? null };
}

/** What is wrong with a form, in the name of the field that asks for it. */
export function inField(error: unknown, field: string | null): unknown {
  if (!(error instanceof OutriderError) || field === null || !REFUSALS.includes(error.code)) return error;
  return new OutriderError(error.code, error.message, { param: field, cause: error });
}

function ofResponseFormat(format: ConstraintFields["response_format"]): ConstraintSource | null {
  if (!format || format.type === "text") return null;
  if (format.type === "json_object")
    return format.schema == null ? JSON_OBJECT : ofSchema(format.schema, "response_format");
  const given = format.json_schema?.schema ?? format.schema;
  if (given == null) throw invalid("response_format.json_schema.schema", "is missing");
  return ofSchema(given, "response_format");
}

function ofSchema(given: unknown, param: string): ConstraintSource {
  if (typeof given !== "string") return { kind: "schema", schema: given };
  try {
    return { kind: "schema", schema: JSON.parse(given) };
  } catch {
    throw invalid(param, "is not JSON");
  }
}

const ofGrammar = (text: string | null | undefined): ConstraintSource | null =>
  text ? { kind: "grammar", text } : null;
const ofPattern = (pattern: string | null | undefined): ConstraintSource | null =>
  pattern ? { kind: "regex", pattern } : null;
const ofChoices = (of: readonly string[] | null | undefined): ConstraintSource | null =>
  of ? { kind: "choice", of } : null;

const invalid = (param: string, why: string) => new OutriderError("invalid_request", `${param}: ${why}`, { param });
