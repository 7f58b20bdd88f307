/** Keywords of JSON Schema: which are enforced, which say nothing about a value, and which are refused. */

/** A schema that is no boolean. */
export type SchemaObject = { readonly [keyword: string]: unknown };
export type Schema = boolean | SchemaObject;

/** Every keyword that a grammar is made of. */
export const ENFORCED = new Set([
  "$ref",
  "additionalItems",
  "additionalProperties",
  "allOf",
  "anyOf",
  "const",
  "dependentRequired",
  "dependentSchemas",
  "enum",
  "exclusiveMaximum",
  "exclusiveMinimum",
  "format",
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
  "oneOf",
  "pattern",
  "patternProperties",
  "prefixItems",
  "properties",
  "propertyNames",
  "required",
  "type",
  "uniqueItems",
]);

/** What cannot be enforced while a text is written, and would change which values are valid. */
export const REFUSED = new Set([
  "$dynamicRef",
  "$recursiveRef",
  "contains",
  "dependencies",
  "else",
  "if",
  "maxContains",
  "minContains",
  "not",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties",
]);

/** Keywords that hold one schema, a list of schemas, and schemas by name. */
export const SCHEMA_IN = new Set(["additionalItems", "additionalProperties", "items", "propertyNames"]);
export const SCHEMAS_IN = new Set(["allOf", "anyOf", "oneOf", "prefixItems", "items"]);
export const NAMED_SCHEMAS_IN = new Set([
  "$defs",
  "definitions",
  "dependentSchemas",
  "patternProperties",
  "properties",
]);

export const isObject = (value: unknown): value is SchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);
