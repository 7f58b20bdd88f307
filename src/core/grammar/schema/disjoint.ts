/**
 * Whether two schemas can be told apart, so that no value has both. Says no where it does not see it. What is known of
 * each is found once, since of several schemas each is held against each.
 */
import { isObject, type Schema, type SchemaObject, type Type } from "./keywords.ts";
import { typeOf, typesOf } from "./values.ts";

const merged = (type: Type): Type => (type === "integer" ? "number" : type);

/** What tells schemas that hold together from others. */
export class Marks {
  /** Integers are numbers here. */
  readonly types: readonly Type[];
  /** The JSON of each value that may be, where they are listed. */
  readonly values: ReadonlySet<string> | null;
  readonly required: ReadonlySet<string>;
  readonly #parts: readonly SchemaObject[];
  readonly #properties = new Map<string, Marks | null>();

  /** @param parts hold together */
  constructor(parts: readonly SchemaObject[]) {
    this.#parts = parts;
    this.types = typesOf(parts).map(merged);
    this.values = valuesOf(parts);
    this.required = new Set(parts.flatMap(({ required }) => (required as string[] | undefined) ?? []));
  }

  /** Of a property; null where it may not be there. References are not followed. */
  property(name: string): Marks | null {
    const known = this.#properties.get(name);
    if (known !== undefined) return known;
    const parts = propertyOf(this.#parts, name);
    const marks = parts && new Marks(parts);
    this.#properties.set(name, marks);
    return marks;
  }
}

export function disjoint(a: Marks, b: Marks): boolean {
  const common = a.types.filter((type) => b.types.includes(type));
  if (common.length === 0) return true;
  if (a.values && b.values && isApart(a.values, b.values)) return true;
  if (a.values && areNone(a.values, b.types)) return true;
  if (b.values && areNone(b.values, a.types)) return true;
  return common.every((type) => type === "object") && byProperty(a, b);
}

function isApart(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const [few, many] = a.size < b.size ? [a, b] : [b, a];
  for (const value of few) if (many.has(value)) return false;
  return true;
}

function areNone(values: ReadonlySet<string>, types: readonly Type[]): boolean {
  for (const value of values) if (types.includes(merged(typeOf(JSON.parse(value))))) return false;
  return true;
}

/** Objects of which each must have a property that differs, or that the other may not have. */
function byProperty(a: Marks, b: Marks): boolean {
  for (const name of new Set([...a.required, ...b.required])) {
    const [inA, inB] = [a.property(name), b.property(name)];
    if (a.required.has(name) && b.required.has(name) && inA && inB && disjoint(inA, inB)) return true;
    if (a.required.has(name) && !inB) return true;
    if (b.required.has(name) && !inA) return true;
  }
  return false;
}

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

function valuesOf(parts: readonly SchemaObject[]): Set<string> | null {
  for (const part of parts) {
    if (Object.hasOwn(part, "const")) return new Set([JSON.stringify(part.const)]);
    if (Array.isArray(part.enum)) return new Set(part.enum.map((value) => JSON.stringify(value)));
  }
  return null;
}
