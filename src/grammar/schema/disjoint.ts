/** Whether two schemas can be told apart, so that no value has both. Says no where it does not see it. */
import { isObject, type Schema, type SchemaObject } from "./keywords.ts";

const ALL = ["null", "boolean", "number", "string", "array", "object"];

/** @param a schemas that hold together; so does `b` */
export function disjoint(a: readonly SchemaObject[], b: readonly SchemaObject[]): boolean {
  const typesA = typesOf(a);
  const typesB = typesOf(b);
  const common = typesA.filter((type) => typesB.includes(type));
  if (common.length === 0) return true;
  const valuesA = valuesOf(a);
  const valuesB = valuesOf(b);
  if (valuesA && valuesB && !valuesA.some((value) => valuesB.includes(value))) return true;
  if (valuesA?.every((value) => !typesB.includes(typeOf(value)))) return true;
  if (valuesB?.every((value) => !typesA.includes(typeOf(value)))) return true;
  return common.every((type) => type === "object") && byProperty(a, b);
}

/** Objects of which each must have a property that differs, or that the other may not have. */
function byProperty(a: readonly SchemaObject[], b: readonly SchemaObject[]): boolean {
  const requiredA = requiredOf(a);
  const requiredB = requiredOf(b);
  for (const name of new Set([...requiredA, ...requiredB])) {
    const inA = propertyOf(a, name);
    const inB = propertyOf(b, name);
    if (requiredA.has(name) && requiredB.has(name) && inA && inB && disjoint(inA, inB)) return true;
    if (requiredA.has(name) && !inB) return true;
    if (requiredB.has(name) && !inA) return true;
  }
  return false;
}

const requiredOf = (parts: readonly SchemaObject[]): Set<string> =>
  new Set(parts.flatMap(({ required }) => (required as string[] | undefined) ?? []));

/** What a property must be; null where it may not be there. References are not followed. */
function propertyOf(parts: readonly SchemaObject[], name: string): SchemaObject[] | null {
  const out: SchemaObject[] = [];
  for (const { properties, additionalProperties, patternProperties } of parts) {
    const own = isObject(properties) && Object.hasOwn(properties, name) ? (properties[name] as Schema) : undefined;
    if (own === false) return null;
    if (own === undefined && additionalProperties === false && patternProperties === undefined) return null;
    if (isObject(own)) out.push(own);
  }
  return out;
}

function typesOf(parts: readonly SchemaObject[]): string[] {
  let types = ALL;
  for (const { type } of parts) {
    if (type === undefined) continue;
    const named = [type].flat().map((each) => (each === "integer" ? "number" : String(each)));
    types = types.filter((each) => named.includes(each));
  }
  return types;
}

/** The JSON of each value that may be, where they are listed. */
function valuesOf(parts: readonly SchemaObject[]): string[] | null {
  for (const part of parts) {
    if (Object.hasOwn(part, "const")) return [JSON.stringify(part.const)];
    if (Array.isArray(part.enum)) return part.enum.map((value) => JSON.stringify(value));
  }
  return null;
}

function typeOf(json: string): string {
  const value: unknown = JSON.parse(json);
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
