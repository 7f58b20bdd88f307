/** Keywords of JSON Schema: which are enforced, which say nothing about a value, and which are refused. */

export type Type = "null" | "boolean" | "integer" | "number" | "string" | "array" | "object";

/** Under it stands what a value must not be, where a schema was turned around. No client can send it. */
export const UNLIKE: unique symbol = Symbol("unlike");

/** Of a string or a number: one of them. */
export interface Unlike {
  readonly texts?: readonly string[];
  readonly pattern?: string;
  readonly numbers?: readonly number[];
  readonly integers?: true;
}

/** A schema that is no boolean. */
export type SchemaObject = { readonly [keyword: string]: unknown; readonly [UNLIKE]?: Unlike };
export type Schema = boolean | SchemaObject;

/** Every keyword that a grammar is made of. */
export const ENFORCED = new Set([
  "$ref",
  "additionalItems",
  "additionalProperties",
  "allOf",
  "anyOf",
  "const",
  "dependencies",
  "dependentRequired",
  "dependentSchemas",
  "else",
  "enum",
  "exclusiveMaximum",
  "exclusiveMinimum",
  "format",
  "if",
  "items",
  "maxItems",
  "maxLength",
  "maxProperties",
  "maximum",
  "minItems",
  "minLength",
  "minProperties",
  "minimum",
  "multipleOf",
  "not",
  "oneOf",
  "pattern",
  "patternProperties",
  "prefixItems",
  "properties",
  "propertyNames",
  "required",
  "then",
  "type",
  "uniqueItems",
]);

/** What cannot be enforced while a text is written, and would change which values are valid. */
export const REFUSED = new Set([
  "$dynamicRef",
  "$recursiveRef",
  "contains",
  "maxContains",
  "minContains",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

export const isObject = (value: unknown): value is SchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Drafts of JSON Schema that are older, as their names say it. */
const OLDER = { 7: /draft-0[346]/, 2019: /draft-0[3467]/ } as const;

/** Whether a whole schema says that it is of a draft before this one. */
export const isBefore = (draft: keyof typeof OLDER, root: Schema): boolean =>
  isObject(root) && OLDER[draft].test(String(root.$schema ?? ""));
