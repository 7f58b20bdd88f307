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

export const isObject = (value: unknown): value is SchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const TYPES = new Set(["null", "boolean", "integer", "number", "string", "array", "object"]);

const isSchema = (value: unknown): boolean => typeof value === "boolean" || isObject(value);
const isCount = (value: unknown): boolean => typeof value === "number" && value >= 0 && Number.isInteger(value);
const isNumber = (value: unknown): boolean => typeof value === "number";
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === "string");
const isText = (value: unknown): boolean => typeof value === "string";
const isNamed = (value: unknown): boolean => isObject(value) && Object.values(value).every(isSchema);
const isSchemas = (value: unknown): boolean => Array.isArray(value) && value.every(isSchema);
const isLimit = (value: unknown): boolean => isNumber(value) || typeof value === "boolean";

/** Every keyword that a grammar is made of, and which values it may have. */
const ENFORCED: Readonly<Record<string, (value: unknown) => boolean>> = {
  $ref: isText,
  additionalItems: isSchema,
  additionalProperties: isSchema,
  allOf: isSchemas,
  anyOf: (value) => isSchemas(value) && (value as unknown[]).length > 0,
  const: () => true,
  dependencies: (value) => isObject(value) && Object.values(value).every((each) => isNames(each) || isSchema(each)),
  dependentRequired: (value) => isObject(value) && Object.values(value).every(isNames),
  dependentSchemas: isNamed,
  else: isSchema,
  enum: Array.isArray,
  exclusiveMaximum: isLimit,
  exclusiveMinimum: isLimit,
  format: isText,
  if: isSchema,
  items: (value) => isSchema(value) || isSchemas(value),
  maxItems: isCount,
  maxLength: isCount,
  maxProperties: isCount,
  maximum: isNumber,
  minItems: isCount,
  minLength: isCount,
  minProperties: isCount,
  minimum: isNumber,
  multipleOf: (value) => typeof value === "number" && value > 0,
  not: isSchema,
  oneOf: (value) => isSchemas(value) && (value as unknown[]).length > 0,
  pattern: isText,
  patternProperties: isNamed,
  prefixItems: isSchemas,
  properties: isNamed,
  propertyNames: isSchema,
  required: isNames,
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: isSchema,
  type: (value) => TYPES.has(value as string) || (Array.isArray(value) && value.every((each) => TYPES.has(each))),
  uniqueItems: () => true,
};

/** True for a keyword that is not enforced. */
export const wellFormed = (keyword: string, value: unknown): boolean =>
  !Object.hasOwn(ENFORCED, keyword) || ENFORCED[keyword]!(value);

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

/** Drafts of JSON Schema that are older, as their names say it. */
const OLDER = { 7: /draft-0[346]/, 2019: /draft-0[3467]/ } as const;

/** Whether a whole schema says that it is of a draft before this one. */
export const isBefore = (draft: keyof typeof OLDER, root: Schema): boolean =>
  isObject(root) && OLDER[draft].test(String(root.$schema ?? ""));
