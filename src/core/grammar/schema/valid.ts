/**
 * Whether a value has what a schema asks for: the keywords of keywords.ts once more, over values rather than bytes. It
 * shares nothing with the grammar but that list, the formats and how patterns are read, so that a fault of the one is
 * found by the other. Only for objects and lists that `enum` and `const` name does the grammar ask it, before anything
 * is written.
 */
import { tooComplex } from "../budget.ts";
import { Patterns } from "../patterns.ts";
import { FORMATS } from "./formats.ts";
import { isBefore, isObject, type Schema, type SchemaObject } from "./keywords.ts";

/**
 * The JSON pointer of the first keyword that a value does not meet, null where it meets all. Throws
 * `grammar_too_complex` where to tell takes too many steps.
 */
export const unmet = (root: Schema, value: unknown): string | null => new Validator(root).unmet(root, value);

/** Schemas that a value is held against, parts of both included, at most: alternatives multiply with each level. */
const MAX_STEPS = 200_000;

/** Holds values against parts of a whole schema. */
export class Validator {
  readonly patterns = new Patterns();
  readonly #root: Schema;
  #steps = 0;

  constructor(root: Schema) {
    this.#root = root;
  }

  /** As `unmet`, of a part of the schema. */
  unmet(part: Schema, value: unknown): string | null {
    this.#steps = 0;
    return this.#fault(part, value, "#");
  }

  #fault(schema: Schema, value: unknown, path: string): string | null {
    if (typeof schema === "boolean") return schema ? null : path;
    if (++this.#steps > MAX_STEPS) throw tooComplex();
    const only = isBefore(2019, this.#root) && schema.$ref !== undefined ? { $ref: schema.$ref } : schema;
    for (const keyword of Object.keys(only)) {
      const check = CHECKS[keyword];
      const fault = check?.(only, value, {
        meets: (inner, part) => this.#fault(inner, part, `${path}/${keyword}`),
        resolve: (ref) => this.#resolve(ref),
        match: (pattern, text) => this.patterns.match(pattern, text, false),
      });
      if (fault !== undefined && fault !== null) return fault === true ? `${path}/${keyword}` : fault;
    }
    return null;
  }

  #resolve(ref: string): Schema {
    const own = isObject(this.#root) && typeof this.#root.$id === "string" ? this.#root.$id : null;
    const local = own !== null && ref.startsWith(own) ? ref.slice(own.length) || "#" : ref;
    if (local.startsWith("#") && !local.startsWith("#/") && local !== "#") {
      return anchored(this.#root, local.slice(1)) ?? false;
    }
    const names = local.split("/").slice(1);
    const unescaped = names.map((name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~"));
    return unescaped.reduce<unknown>((at, name) => (at as SchemaObject | undefined)?.[name], this.#root) as Schema;
  }
}

interface Around {
  /** The first fault of a part of the value, null for none. */
  meets(schema: Schema, part: unknown): string | null;
  resolve(ref: string): Schema;
  /** Whether a pattern occurs in a text. */
  match(pattern: string, text: string): boolean;
}

/** True or a path: a fault. */
type Check = (schema: SchemaObject, value: unknown, around: Around) => string | true | null | undefined;

const firstOf = <T>(items: readonly T[], fault: (item: T, at: number) => string | null): string | null => {
  for (const [at, item] of items.entries()) {
    const found = fault(item, at);
    if (found !== null) return found;
  }
  return null;
};

const ofNumber =
  (holds: (value: number, schema: SchemaObject) => boolean): Check =>
  (schema, value) =>
    typeof value === "number" && !holds(value, schema) ? true : null;
const ofString =
  (holds: (value: string, schema: SchemaObject, around: Around) => boolean): Check =>
  (schema, value, around) =>
    typeof value === "string" && !holds(value, schema, around) ? true : null;
const ofList =
  (holds: (value: readonly unknown[], schema: SchemaObject) => boolean): Check =>
  (schema, value) =>
    Array.isArray(value) && !holds(value, schema) ? true : null;
const ofObject =
  (holds: (value: SchemaObject, schema: SchemaObject) => boolean): Check =>
  (schema, value) =>
    isObject(value) && !holds(value, schema) ? true : null;

const lengthOf = (text: string): number => [...text].length;

const CHECKS: Readonly<Record<string, Check>> = {
  $ref: ({ $ref }, value, { meets, resolve }) => meets(resolve($ref as string), value),
  allOf: ({ allOf }, value, { meets }) => firstOf(allOf as Schema[], (each) => meets(each, value)),
  anyOf: ({ anyOf }, value, { meets }) =>
    (anyOf as Schema[]).some((each) => meets(each, value) === null) ? null : true,
  oneOf: ({ oneOf }, value, { meets }) =>
    (oneOf as Schema[]).filter((each) => meets(each, value) === null).length === 1 ? null : true,
  not: ({ not }, value, { meets }) => (meets(not as Schema, value) === null ? true : null),
  if: ({ if: condition, then = true, else: otherwise = true }, value, { meets }) =>
    meets((meets(condition as Schema, value) === null ? then : otherwise) as Schema, value),
  const: (schema, value) => (equal(schema.const, value) ? null : true),
  enum: (schema, value) => ((schema.enum as unknown[]).some((each) => equal(each, value)) ? null : true),
  type: ({ type }, value) => ([type].flat().some((each) => isOf(each as string, value)) ? null : true),
  minimum: ofNumber((value, { minimum, exclusiveMinimum }) =>
    exclusiveMinimum === true ? value > (minimum as number) : value >= (minimum as number),
  ),
  maximum: ofNumber((value, { maximum, exclusiveMaximum }) =>
    exclusiveMaximum === true ? value < (maximum as number) : value <= (maximum as number),
  ),
  exclusiveMinimum: ofNumber((value, { exclusiveMinimum: bound }) => typeof bound !== "number" || value > bound),
  exclusiveMaximum: ofNumber((value, { exclusiveMaximum: bound }) => typeof bound !== "number" || value < bound),
  multipleOf: ofNumber((value, { multipleOf }) => {
    const quotient = value / (multipleOf as number);
    return Math.abs(quotient - Math.round(quotient)) <= 1e-9 * Math.max(1, Math.abs(quotient));
  }),
  minLength: ofString((value, { minLength }) => lengthOf(value) >= (minLength as number)),
  maxLength: ofString((value, { maxLength }) => lengthOf(value) <= (maxLength as number)),
  pattern: ofString((value, { pattern }, { match }) => match(pattern as string, value)),
  format: ofString((value, { format }) => {
    const form = Object.hasOwn(FORMATS, format as string) ? FORMATS[format as string] : undefined;
    return form === undefined || new RegExp(`^(?:${form})$`, "u").test(value);
  }),
  minItems: ofList((value, { minItems }) => value.length >= (minItems as number)),
  maxItems: ofList((value, { maxItems }) => value.length <= (maxItems as number)),
  prefixItems: ({ prefixItems }, value, { meets }) =>
    Array.isArray(value)
      ? firstOf((prefixItems as Schema[]).slice(0, value.length), (each, at) => meets(each, value[at]))
      : null,
  items: ({ items, prefixItems }, value, { meets }) => {
    if (!Array.isArray(value)) return null;
    if (Array.isArray(items))
      return firstOf(items.slice(0, value.length), (each, at) => meets(each as Schema, value[at]));
    const rest = value.slice((prefixItems as Schema[] | undefined)?.length ?? 0);
    return firstOf(rest, (item) => meets(items as Schema, item));
  },
  additionalItems: ({ items, additionalItems }, value, { meets }) =>
    Array.isArray(value) && Array.isArray(items)
      ? firstOf(value.slice(items.length), (item) => meets(additionalItems as Schema, item))
      : null,
  required: ofObject((value, { required }) => (required as string[]).every((name) => Object.hasOwn(value, name))),
  minProperties: ofObject((value, { minProperties: least }) => Object.keys(value).length >= (least as number)),
  maxProperties: ofObject((value, { maxProperties: most }) => Object.keys(value).length <= (most as number)),
  properties: ({ properties }, value, { meets }) =>
    isObject(value)
      ? firstOf(Object.entries(properties as Record<string, Schema>), ([name, schema]) =>
          Object.hasOwn(value, name) ? meets(schema, value[name]) : null,
        )
      : null,
  patternProperties: ({ patternProperties }, value, { meets, match }) =>
    isObject(value)
      ? firstOf(Object.entries(patternProperties as Record<string, Schema>), ([pattern, schema]) =>
          firstOf(
            Object.keys(value).filter((name) => match(pattern, name)),
            (name) => meets(schema, value[name]),
          ),
        )
      : null,
  additionalProperties: (
    { properties = {}, patternProperties = {}, additionalProperties },
    value,
    { meets, match },
  ) => {
    if (!isObject(value)) return null;
    const patterns = Object.keys(patternProperties as SchemaObject);
    const others = Object.keys(value).filter(
      (name) => !Object.hasOwn(properties as SchemaObject, name) && !patterns.some((pattern) => match(pattern, name)),
    );
    return firstOf(others, (name) => meets(additionalProperties as Schema, value[name]));
  },
  propertyNames: ({ propertyNames }, value, { meets }) =>
    isObject(value) ? firstOf(Object.keys(value), (name) => meets(propertyNames as Schema, name)) : null,
  dependentRequired: ofObject((value, { dependentRequired }) =>
    Object.entries(dependentRequired as Record<string, string[]>).every(
      ([name, needs]) => !Object.hasOwn(value, name) || needs.every((other) => Object.hasOwn(value, other)),
    ),
  ),
  dependencies: ({ dependencies }, value, { meets }) =>
    isObject(value)
      ? firstOf(Object.entries(dependencies as Record<string, Schema | string[]>), ([name, needs]) =>
          Object.hasOwn(value, name) ? meets(Array.isArray(needs) ? { required: needs } : needs, value) : null,
        )
      : null,
  dependentSchemas: ({ dependentSchemas }, value, { meets }) =>
    isObject(value)
      ? firstOf(Object.entries(dependentSchemas as Record<string, Schema>), ([name, schema]) =>
          Object.hasOwn(value, name) ? meets(schema, value) : null,
        )
      : null,
};

function isOf(type: string, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  if (type === "integer") return typeof value === "number" && Number.isInteger(value);
  return typeof value === type;
}

function equal(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, at) => equal(item, b[at]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && equal(a[name], b[name]));
}

function anchored(at: unknown, name: string): Schema | undefined {
  if (typeof at !== "object" || at === null) return undefined;
  if (isObject(at) && at.$anchor === name) return at;
  for (const each of Object.values(at)) {
    const found = anchored(each, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
