/** Which values a keyword of JSON Schema may have. */
import { isObject } from "./keywords.ts";

const isSchema = (value: unknown): boolean => typeof value === "boolean" || isObject(value);
const isCount = (value: unknown): boolean => typeof value === "number" && value >= 0 && Number.isInteger(value);
const isNumber = (value: unknown): boolean => typeof value === "number";
const isNames = (value: unknown): boolean => Array.isArray(value) && value.every((name) => typeof name === "string");
const isText = (value: unknown): boolean => typeof value === "string";
const isNamed = (value: unknown): boolean => isObject(value) && Object.values(value).every(isSchema);
const isSchemas = (value: unknown): boolean => Array.isArray(value) && value.every(isSchema);
const isLimit = (value: unknown): boolean => isNumber(value) || typeof value === "boolean";

const FORMS: Readonly<Record<string, (value: unknown) => boolean>> = {
  $ref: isText,
  additionalItems: isSchema,
  additionalProperties: isSchema,
  allOf: isSchemas,
  anyOf: (value) => isSchemas(value) && (value as unknown[]).length > 0,
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
};
const TYPES = new Set(["null", "boolean", "integer", "number", "string", "array", "object"]);

/** True for a keyword that is not enforced. */
export const wellFormed = (keyword: string, value: unknown): boolean => FORMS[keyword]?.(value) ?? true;
