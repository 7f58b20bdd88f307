/**
 * Schemas that hold for one value together, in plain parts: `$ref` and `allOf` are opened; `anyOf`, `oneOf`, `if` and
 * `not` become alternatives; and what depends on a property becomes the alternative that it is absent.
 */
import { OutriderError } from "../../model/errors.ts";
import type { Budget } from "../budget.ts";
import { disjoint, Marks } from "./disjoint.ts";
import { FORMATS, UNENFORCED_FORMATS } from "./formats.ts";
import { isBefore, isObject, REFUSED, type Schema, type SchemaObject, wellFormed } from "./keywords.ts";
import { negated, someOf } from "./negation.ts";

/** Schemas that are opened, one in another, at most. */
const MAX_DEPTH = 64;
/** Characters of a place in a refusal. */
const MAX_PATH = 160;
/** Alternatives that schemas beside each other multiply to, at most. */
const MAX_ALTERNATIVES = 512;

/** What is made of a schema and one of its keywords, made once. */
class ByKeyword<T> {
  readonly #made = new Map<SchemaObject, Map<string, T>>();

  find(schema: SchemaObject, keyword: string): T | undefined {
    return this.#made.get(schema)?.get(keyword);
  }

  keep(schema: SchemaObject, keyword: string, made: T): T {
    const own = this.#made.get(schema) ?? new Map<string, T>();
    this.#made.set(schema, own.set(keyword, made));
    return made;
  }
}

export class Conjunctions {
  readonly #root: Schema;
  readonly #budget: Budget;
  /** JSON pointers of what was met, for errors. */
  readonly #paths = new Map<SchemaObject, string>();
  readonly #ids = new Map<SchemaObject, number>();
  /** A schema without a keyword, and its alternatives: each is one object, so that what nests in circles has an end. */
  readonly #without = new ByKeyword<SchemaObject>();
  readonly #branched = new ByKeyword<readonly Schema[]>();
  readonly #negated = new Map<SchemaObject, readonly Schema[] | null>();
  readonly #checked = new Set<SchemaObject>();
  readonly #anchors = new Map<string, Schema>();

  constructor(root: Schema, budget: Budget) {
    this.#root = root;
    this.#budget = budget;
    if (isObject(root)) this.#paths.set(root, "#");
    this.#findAnchors(root, 0);
  }

  /** Names a set of schemas, in any order. */
  keyOf(schemas: readonly SchemaObject[]): string {
    const ids = schemas.map((schema) => {
      const known = this.#ids.get(schema);
      if (known !== undefined) return known;
      this.#ids.set(schema, this.#ids.size);
      return this.#ids.size - 1;
    });
    return ids.sort((a, b) => a - b).join();
  }

  /** The alternatives of what holds for a value of all `schemas`, in slices; none where no value has. */
  *alternatives(schemas: readonly Schema[]): Generator<void, SchemaObject[][]> {
    const done: SchemaObject[][] = [];
    const open: (readonly SchemaObject[] | null)[] = [this.#flat(schemas, 0)];
    while (open.length > 0) {
      const parts = open.pop();
      if (!parts) continue;
      this.#budget.work(parts.length);
      yield;
      const chosen = parts.find((part) => BRANCHING.some((keyword) => part[keyword] !== undefined));
      if (!chosen) {
        done.push([...parts]);
        continue;
      }
      const keyword = BRANCHING.find((each) => chosen[each] !== undefined)!;
      const rest = parts.map((part) => (part === chosen ? this.#lacking(chosen, keyword) : part));
      const listed = chosen[keyword];
      if (Array.isArray(listed) && listed.length > MAX_ALTERNATIVES) throw this.#tooMany(chosen, keyword);
      for (const branch of yield* this.#branches(chosen, keyword)) open.push(this.#flat([...rest, branch], 0));
      if (open.length + done.length > MAX_ALTERNATIVES) throw this.#tooMany(chosen, keyword);
    }
    return done;
  }

  #tooMany(schema: SchemaObject, keyword: string): OutriderError {
    return this.refuse(schema, keyword, `together with what stands beside it, it has too many alternatives`);
  }

  /** @param keyword whose value is at fault */
  refuse(schema: SchemaObject, keyword: string, why: string): OutriderError {
    const path = this.#paths.get(schema) ?? "#";
    const shown = path.length > MAX_PATH ? `${path.slice(0, MAX_PATH / 2)}…${path.slice(-MAX_PATH / 2)}` : path;
    return new OutriderError("unsupported_schema", `${shown}/${keyword}: ${why}`, { param: "response_format" });
  }

  /** Remembers where a schema stands. */
  at(parent: SchemaObject, path: string, schema: Schema): Schema {
    if (isObject(schema) && !this.#paths.has(schema)) {
      this.#paths.set(schema, `${this.#paths.get(parent) ?? "#"}/${path}`);
    }
    return schema;
  }

  #flat(schemas: readonly Schema[], depth: number): SchemaObject[] | null {
    const out = new Set<SchemaObject>();
    for (const schema of schemas) {
      if (schema === true) continue;
      if (schema === false) return null;
      this.#check(schema);
      if (depth > MAX_DEPTH) throw this.refuse(schema, "$ref", "it refers to itself without an end");
      const { $ref: ref, allOf } = schema;
      if (ref === undefined && allOf === undefined) {
        out.add(schema);
        continue;
      }
      const inner: Schema[] = [];
      let own = schema;
      if (ref !== undefined) {
        inner.push(this.#resolve(schema, ref));
        own = this.#lacking(own, "$ref");
      }
      if (allOf !== undefined) {
        for (const [i, each] of (allOf as Schema[]).entries()) inner.push(this.at(schema, `allOf/${i}`, each));
        own = this.#lacking(own, "allOf");
      }
      // Draft 7 and older take nothing beside a reference.
      const alone = ref !== undefined && isBefore(2019, this.#root);
      const flat = this.#flat(inner, depth + 1);
      if (!flat) return null;
      for (const each of flat) out.add(each);
      if (!alone) out.add(own);
    }
    return [...out];
  }

  *#branches(schema: SchemaObject, keyword: string): Generator<void, readonly Schema[]> {
    const known = this.#branched.find(schema, keyword);
    return known ?? this.#branched.keep(schema, keyword, yield* this.#branchesOf(schema, keyword));
  }

  *#branchesOf(schema: SchemaObject, keyword: string): Generator<void, readonly Schema[]> {
    switch (keyword) {
      case "dependencies":
      case "dependentRequired":
      case "dependentSchemas":
        return this.#dependent(schema, keyword);
      case "if":
        return this.#conditional(schema);
      case "not":
        return this.#not(schema, keyword, schema.not as Schema);
      default: {
        const all = (schema[keyword] as readonly Schema[]).map((each, i) => this.at(schema, `${keyword}/${i}`, each));
        return keyword === "oneOf" ? yield* this.#exclusive(schema, all) : all;
      }
    }
  }

  /** Each branch, without what other branches hold for, too. */
  *#exclusive(schema: SchemaObject, branches: readonly Schema[]): Generator<void, readonly Schema[]> {
    const whole = branches.map((branch) => {
      const flat = this.#flat([branch], 0);
      return flat && new Marks(flat);
    });
    const exclusive: Schema[] = [];
    for (const [i, branch] of branches.entries()) {
      this.#budget.work(branches.length);
      yield;
      const others = branches.filter((_, j) => {
        const [one, other] = [whole[i], whole[j]];
        return j !== i && one && other && !disjoint(one, other);
      });
      if (others.length === 0) exclusive.push(branch);
      else exclusive.push({ allOf: [branch, ...others.map((other) => someOf(this.#not(schema, "oneOf", other)))] });
    }
    return exclusive;
  }

  /** `if` and `then`, or `else` and what has not what `if` asks for. */
  #conditional(schema: SchemaObject): readonly Schema[] {
    const { if: given, then = true, else: otherwise = true } = schema as Record<string, Schema>;
    const named = (keyword: string, each: Schema) => this.at(schema, keyword, each);
    const condition = named("if", given!);
    return [
      { allOf: [condition, named("then", then)] },
      { allOf: [someOf(this.#not(schema, "if", condition)), named("else", otherwise)] },
    ];
  }

  /** What a value may be that has not what `given` asks for. */
  #not(schema: SchemaObject, keyword: string, given: Schema): readonly Schema[] {
    const known = isObject(given) ? this.#negated.get(given) : undefined;
    const around = {
      resolve: (at: SchemaObject, ref: unknown) => this.#resolve(at, ref),
      isOld: isBefore(2019, this.#root),
    };
    const turned = known !== undefined ? known : negated(given, around);
    if (isObject(given)) {
      this.#check(given);
      this.#negated.set(given, turned);
    }
    if (turned !== null) return turned;
    const why =
      keyword === "oneOf"
        ? "its branches may hold for one value together, which cannot be ruled out while it is written; " +
          "use anyOf, or give each branch a required property with a const of its own"
        : "the opposite of what it says cannot be enforced while a text is written; leave it out";
    throw this.refuse(schema, keyword, why);
  }

  /** What depends on a property: it is absent, or all of that holds. One property a time. */
  #dependent(schema: SchemaObject, keyword: string): readonly Schema[] {
    const all = Object.entries(schema[keyword] as Record<string, unknown>);
    const [first, ...others] = all;
    if (!first) return [true];
    const [name, then] = first;
    const needs = Array.isArray(then) ? { required: then } : (then as Schema);
    const rest: Schema = others.length > 0 ? { [keyword]: Object.fromEntries(others) } : true;
    return [
      { allOf: [{ properties: { [name]: false } }, rest] },
      { allOf: [{ type: "object", required: [name] }, needs, rest] },
    ];
  }

  #lacking(schema: SchemaObject, keyword: string): SchemaObject {
    const known = this.#without.find(schema, keyword);
    if (known) return known;
    const { [keyword]: _, ...rest } = schema;
    this.#paths.set(rest, this.#paths.get(schema) ?? "#");
    this.#checked.add(rest);
    return this.#without.keep(schema, keyword, rest);
  }

  #resolve(schema: SchemaObject, ref: unknown): Schema {
    if (typeof ref !== "string") throw this.refuse(schema, "$ref", "must be a string");
    const own = isObject(this.#root) && typeof this.#root.$id === "string" ? this.#root.$id : null;
    const local = own !== null && ref.startsWith(own) ? ref.slice(own.length) || "#" : ref;
    const anchor = this.#anchors.get(local.slice(1));
    if (local.startsWith("#") && anchor !== undefined) return anchor;
    if (local !== "#" && !local.startsWith("#/")) {
      throw this.refuse(schema, "$ref", `${JSON.stringify(ref)} lies outside of the schema; put it into $defs`);
    }
    let at: unknown = this.#root;
    for (const part of local.split("/").slice(1)) {
      const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      at = typeof at === "object" && at !== null && Object.hasOwn(at, name) ? (at as SchemaObject)[name] : undefined;
    }
    if (typeof at !== "boolean" && !isObject(at)) {
      throw this.refuse(schema, "$ref", `the schema has no ${JSON.stringify(ref)}`);
    }
    if (isObject(at) && !this.#paths.has(at)) this.#paths.set(at, local);
    return at;
  }

  #findAnchors(schema: unknown, depth: number): void {
    if (typeof schema !== "object" || schema === null || depth > MAX_DEPTH) return;
    if (!Array.isArray(schema) && typeof (schema as SchemaObject).$anchor === "string") {
      this.#anchors.set((schema as { $anchor: string }).$anchor, schema as SchemaObject);
    }
    for (const each of Object.values(schema)) this.#findAnchors(each, depth + 1);
  }

  /** Throws for a keyword that cannot be enforced, and for a value that is none of its keyword. */
  #check(schema: SchemaObject): void {
    if (this.#checked.has(schema)) return;
    this.#checked.add(schema);
    for (const [keyword, value] of Object.entries(schema)) {
      if (REFUSED.has(keyword) && !isVoid(keyword, schema)) {
        throw this.refuse(schema, keyword, "it cannot be enforced while a text is written; leave it out");
      }
      if (keyword === "if" && isBefore(7, this.#root)) {
        throw this.refuse(schema, keyword, "drafts before 7 do not know it; name a newer $schema, or leave it out");
      }
      if (keyword === "$id" && schema !== this.#root && typeof value === "string") {
        throw this.refuse(schema, keyword, "only the whole schema may have one");
      }
      if (!wellFormed(keyword, value)) {
        throw this.refuse(schema, keyword, "has no value that JSON Schema knows for it");
      }
    }
    const { uniqueItems, maxItems, format } = schema;
    if (uniqueItems === true && !(typeof maxItems === "number" && maxItems <= 1)) {
      throw this.refuse(schema, "uniqueItems", "it cannot be enforced while a text is written; leave it out");
    }
    if (typeof format === "string" && !Object.hasOwn(FORMATS, format) && UNENFORCED_FORMATS.has(format)) {
      throw this.refuse(schema, "format", `"${format}" cannot be enforced; leave it out, or use a pattern`);
    }
  }
}

const BRANCHING = ["anyOf", "oneOf", "if", "not", "dependencies", "dependentRequired", "dependentSchemas"];

/** A keyword without effect where another one is absent. */
function isVoid(keyword: string, schema: SchemaObject): boolean {
  if (keyword === "minContains" || keyword === "maxContains") return schema.contains === undefined;
  return keyword === "unevaluatedProperties" || keyword === "unevaluatedItems" ? schema[keyword] === true : false;
}
