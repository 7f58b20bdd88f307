/**
 * What has not what a schema asks for, as schemas again: none of several keywords is met where one of them is not. Says
 * null where it cannot be said exactly by what is enforced, such as that some item is not as `items` says.
 */
import { isObject, type Schema, type SchemaObject, type Type, UNLIKE, type Unlike } from "./keywords.ts";
import { typeOf } from "./values.ts";

/** Schemas that are opened, one in another, at most: what refers to itself is not turned around. */
const MAX_DEPTH = 16;

export interface Around {
  /** Throws where a reference leads nowhere. */
  resolve(schema: SchemaObject, ref: unknown): Schema;
  /** Before 2019 nothing counts beside a reference. */
  readonly isOld: boolean;
}

/** A value that a schema does not hold for has one of the returned; none: it holds for all. */
export function negated(schema: Schema, around: Around, depth = 0): readonly Schema[] | null {
  if (typeof schema === "boolean") return schema ? [] : [true];
  if (depth > MAX_DEPTH) return null;
  const keywords = around.isOld && schema.$ref !== undefined ? ["$ref"] : Object.keys(schema);
  const all: Schema[] = [];
  for (const keyword of keywords) {
    const ways = Object.hasOwn(WAYS, keyword) ? WAYS[keyword]! : null;
    if (ways === null) {
      if (UNTURNED.has(keyword) && !says(schema[keyword])) return null;
      continue;
    }
    const turned = ways(schema, (inner) => negated(inner, around, depth + 1), around);
    if (turned === null) return null;
    all.push(...turned);
  }
  return all;
}

/** One schema that holds where one of several does. */
export const someOf = (schemas: readonly Schema[]): Schema =>
  schemas.length === 0 ? false : schemas.length === 1 ? schemas[0]! : { anyOf: schemas };

/** Whether a schema says nothing: what holds for all items or properties is then no condition. */
const says = (value: unknown): boolean => value === true || (isObject(value) && Object.keys(value).length === 0);

/** Keywords whose opposite is not among what is enforced. */
const UNTURNED = new Set([
  "$dynamicRef",
  "$recursiveRef",
  "additionalItems",
  "additionalProperties",
  "contains",
  "dependencies",
  "dependentSchemas",
  "format",
  "if",
  "items",
  "multipleOf",
  "oneOf",
  "patternProperties",
  "prefixItems",
  "propertyNames",
  "unevaluatedItems",
  "unevaluatedProperties",
  "uniqueItems",
]);

type Turn = (inner: Schema) => readonly Schema[] | null;
type Way = (schema: SchemaObject, turn: Turn, around: Around) => readonly Schema[] | null;

const WAYS: Readonly<Record<string, Way>> = {
  $ref: (schema, turn, around) => turn(around.resolve(schema, schema.$ref)),
  allOf: ({ allOf }, turn) => together((allOf as Schema[]).map(turn)),
  anyOf: ({ anyOf }, turn) => {
    const turned = (anyOf as Schema[]).map(turn);
    return turned.includes(null) ? null : [{ allOf: turned.map((each) => someOf(each!)) }];
  },
  not: ({ not }) => [not as Schema],
  type: ({ type }) => otherTypes([type].flat() as Type[]),
  const: (schema) => others([schema.const]),
  enum: (schema) => others(schema.enum as unknown[]),
  required: ({ required }) => (required as string[]).map((name) => ({ type: "object", properties: { [name]: false } })),
  properties: ({ properties }, turn) =>
    together(
      Object.entries(properties as Record<string, Schema>).map(([name, inner]) => {
        const turned = turn(inner);
        if (turned === null || turned.length === 0) return turned;
        return [{ type: "object", required: [name], properties: { [name]: someOf(turned) } }];
      }),
    ),
  dependentRequired: ({ dependentRequired }) =>
    Object.entries(dependentRequired as Record<string, string[]>).flatMap(([name, needs]) =>
      needs.map((need) => ({ type: "object", required: [name], properties: { [need]: false } })),
    ),
  minimum: ({ minimum, exclusiveMinimum }) => [
    { type: "number", [exclusiveMinimum === true ? "maximum" : "exclusiveMaximum"]: minimum },
  ],
  maximum: ({ maximum, exclusiveMaximum }) => [
    { type: "number", [exclusiveMaximum === true ? "minimum" : "exclusiveMinimum"]: maximum },
  ],
  exclusiveMinimum: ({ exclusiveMinimum: bound }) =>
    typeof bound === "number" ? [{ type: "number", maximum: bound }] : [],
  exclusiveMaximum: ({ exclusiveMaximum: bound }) =>
    typeof bound === "number" ? [{ type: "number", minimum: bound }] : [],
  minLength: ({ minLength }) => fewer("string", "maxLength", minLength as number),
  maxLength: ({ maxLength }) => [{ type: "string", minLength: (maxLength as number) + 1 }],
  minItems: ({ minItems }) => fewer("array", "maxItems", minItems as number),
  maxItems: ({ maxItems }) => [{ type: "array", minItems: (maxItems as number) + 1 }],
  minProperties: ({ minProperties }) => fewer("object", "maxProperties", minProperties as number),
  maxProperties: ({ maxProperties }) => [{ type: "object", minProperties: (maxProperties as number) + 1 }],
  pattern: ({ pattern }) => [unlike("string", { pattern: pattern as string })],
};

const unlike = (type: Type, what: Unlike): Schema => ({ type, [UNLIKE]: what }) as Schema;

const fewer = (type: Type, keyword: string, least: number): Schema[] =>
  least > 0 ? [{ type, [keyword]: least - 1 }] : [];

/** Null where one of them is. */
const together = (all: readonly (readonly Schema[] | null)[]): Schema[] | null =>
  all.includes(null) ? null : all.flatMap((each) => [...each!]);

const TYPES: readonly Type[] = ["null", "boolean", "number", "string", "array", "object"];

function otherTypes(types: readonly Type[]): Schema[] {
  const hasWhole = types.includes("integer") && !types.includes("number");
  const rest = TYPES.filter((type) => !types.includes(type) && !(hasWhole && type === "number"));
  const all: Schema[] = rest.length > 0 ? [{ type: rest }] : [];
  return hasWhole ? [...all, unlike("number", { integers: true })] : all;
}

/** Values that are none of these. Null where one of them holds others: there are too many ways to differ from it. */
function others(values: readonly unknown[]): Schema[] | null {
  if (values.some((value) => typeof value === "object" && value !== null)) return null;
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.some((value) => /e/.test(String(value)))) return null;
  const strings = values.filter((value) => typeof value === "string");
  const booleans = [true, false].filter((value) => !values.includes(value));
  const types = new Set<Type>(values.map(typeOf).map((type) => (type === "integer" ? "number" : type)));
  const all: Schema[] = [{ type: TYPES.filter((type) => !types.has(type)) }];
  if (strings.length > 0) all.push(unlike("string", { texts: strings }));
  if (numbers.length > 0) all.push(unlike("number", { numbers }));
  if (types.has("boolean") && booleans.length > 0) all.push({ enum: booleans });
  return all;
}
