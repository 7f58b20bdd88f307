/**
 * JSON Schema as a grammar. A value's properties come in the order of the schema, those that it does not name behind
 * them; strings that are limited have their characters in JSON.stringify's form. Whatever cannot be enforced is
 * refused by name (keywords.ts).
 */

import { inJson } from "../characters.ts";
import { type Expression, type Expressions, tooComplex } from "../expression.ts";
import { numberTable } from "../numbers.ts";
import { regexOf } from "../regex.ts";
import { Conjunctions } from "./conjunction.ts";
import { FORMATS } from "./formats.ts";
import { Json } from "./json.ts";
import { isObject, type Schema, type SchemaObject, type Type, UNLIKE } from "./keywords.ts";
import { unmet } from "./valid.ts";
import { fits, typesOf } from "./values.ts";

const INFINITE = Number.POSITIVE_INFINITY;
/** Sets of schemas that hold for a value at most. */
const MAX_RULES = 20_000;
/** Patterns of names at most: their combinations double with each. */
const MAX_PATTERNS = 4;
/** Properties times their least or greatest number at most. */
const MAX_COUNTED = 4096;
/** What a pattern counts times what a length counts, at most: each pair may be a state of its own. */
const MAX_COUNTED_TOGETHER = 200_000;

interface Pair {
  readonly pair: Expression;
  readonly required: boolean;
}

export class SchemaGrammar {
  readonly #e: Expressions;
  readonly #json: Json;
  readonly #conjunctions: Conjunctions;
  readonly #rules: Expression[];
  readonly #known = new Map<string, Expression>();
  readonly #root: Schema;

  /** @param rules of the grammar that it becomes a part of */
  constructor(e: Expressions, rules: Expression[], root: Schema) {
    this.#e = e;
    this.#json = new Json(e);
    this.#conjunctions = new Conjunctions(root);
    this.#root = root;
    this.#rules = rules;
  }

  /** The values of all of these schemas. Throws `unsupported_schema` naming the keyword and where it stands. */
  value(schemas: readonly Schema[]): Expression {
    if (schemas.includes(false)) return this.#e.never;
    const objects = [...new Set(schemas.filter(isObject))];
    const key = this.#conjunctions.keyOf(objects);
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size >= MAX_RULES) throw tooComplex();
    const number = this.#rules.push(this.#e.never) - 1;
    const rule = this.#e.rule(number);
    this.#known.set(key, rule);
    const alternatives = this.#conjunctions.alternatives(objects);
    this.#rules[number] = this.#e.either(alternatives.map((parts) => this.#plain(parts)));
    return rule;
  }

  /** @param parts hold together, and none of them has alternatives */
  #plain(parts: readonly SchemaObject[]): Expression {
    const listing = parts.find((part) => Object.hasOwn(part, "const") || part.enum !== undefined);
    if (!listing) return this.#e.either(typesOf(parts).map((type) => this.#ofType(type, parts)));
    const keyword = Object.hasOwn(listing, "const") ? "const" : "enum";
    const values: readonly unknown[] = keyword === "const" ? [listing.const] : (listing.enum as unknown[]);
    const meets = (value: unknown): boolean => parts.every((part) => unmet(this.#root, value, part) === null);
    const fitting = values.filter((value) => fits(value, parts) ?? meets(value));
    const holds = (value: unknown): boolean => typeof value === "object" && value !== null;
    const nested = fitting.filter(holds);
    const flat = fitting.filter((value) => !holds(value)).map((value) => JSON.stringify(value));
    const texts = flat.length > 0 ? this.#e.oneOf(flat) : this.#e.never;
    return this.#e.either([texts, ...nested.map((value) => this.#json.literal(value))]);
  }

  #ofType(type: Type, parts: readonly SchemaObject[]): Expression {
    switch (type) {
      case "null":
        return this.#json.null;
      case "boolean":
        return this.#json.boolean;
      case "string":
        return this.#json.quoted(this.#string(parts));
      case "array":
        return this.#array(parts);
      case "object":
        return this.#object(parts);
      default:
        return this.#number(type === "integer", parts);
    }
  }

  #number(integer: boolean, parts: readonly SchemaObject[]): Expression {
    const limited = parts.filter((part) => part[UNLIKE] || NUMBER_KEYWORDS.some((each) => part[each] !== undefined));
    if (limited.length === 0) return integer ? this.#json.integer : this.#json.number;
    const tables = limited.map((part) => {
      const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = part as Record<string, number>;
      // Draft 4 has booleans, which make the other bound exclusive.
      const isUnder = (exclusiveMaximum as unknown) === true;
      const isOver = (exclusiveMinimum as unknown) === true;
      const table = numberTable({
        integer,
        minimum: isOver ? undefined : minimum,
        exclusiveMinimum: isOver ? minimum : numberOr(exclusiveMinimum),
        maximum: isUnder ? undefined : maximum,
        exclusiveMaximum: isUnder ? maximum : numberOr(exclusiveMaximum),
        multipleOf,
      });
      if (table) return this.#e.table(table);
      throw this.#conjunctions.refuse(part, "multipleOf", "it has too many digits to be enforced");
    });
    const not = limited.flatMap((part) => this.#unlikeNumbers(part));
    return this.#e.all([...tables, ...not.map((each) => this.#e.not(each))]);
  }

  /** Numbers that must not be, as they are written without an exponent. */
  #unlikeNumbers({ [UNLIKE]: unlike }: SchemaObject): Expression[] {
    const e = this.#e;
    const digits = e.repeat(e.range(0x30, 0x39), 1, INFINITE);
    const sign = e.optional(e.text("-"));
    const zeros = e.repeat(e.text("0"), 0, INFINITE);
    const point = e.optional(e.join(e.text("."), zeros));
    if (unlike?.integers) return [e.sequence([sign, digits, point])];
    return (unlike?.numbers ?? []).map((value) => {
      if (value === 0) return e.sequence([sign, e.text("0"), point]);
      return e.join(e.text(String(value)), Number.isInteger(value) ? point : zeros);
    });
  }

  /** What is between the quotes. */
  #string(parts: readonly SchemaObject[]): Expression {
    const { character } = this.#json;
    let min = 0;
    let max = INFINITE;
    const forms: Expression[] = [];
    for (const part of parts) {
      min = Math.max(min, (part.minLength as number | undefined) ?? 0);
      max = Math.min(max, (part.maxLength as number | undefined) ?? INFINITE);
      if (typeof part.pattern === "string") forms.push(regexOf(this.#e, part.pattern, inJson, false));
      const form = typeof part.format === "string" && Object.hasOwn(FORMATS, part.format) && FORMATS[part.format];
      if (form) forms.push(regexOf(this.#e, form, inJson, true));
      const { texts, pattern } = part[UNLIKE] ?? {};
      if (texts) forms.push(this.#e.not(this.#e.oneOf(texts.map((text) => JSON.stringify(text).slice(1, -1)))));
      if (pattern !== undefined) forms.push(this.#e.not(regexOf(this.#e, pattern, inJson, false)));
    }
    if (min > max) return this.#e.never;
    // What is not a text is a text all the same.
    const isLimited = min > 0 || max < INFINITE || parts.some((part) => part[UNLIKE]);
    if (forms.length === 0 && !isLimited) return this.#json.inside;
    const counting = parts.find((part) => typeof part.pattern === "string");
    const length = max < INFINITE ? max : min;
    if (counting && forms.reduce((all, form) => all * counted(form), length) > MAX_COUNTED_TOGETHER) {
      const why = "it counts too much to be enforced beside the lengths; leave one of them out";
      throw this.#conjunctions.refuse(counting, "pattern", why);
    }
    return this.#e.all([...forms, ...(isLimited ? [this.#e.repeat(character, min, max)] : [])]);
  }

  #array(parts: readonly SchemaObject[]): Expression {
    const lists = parts.map((part) => this.#items(part));
    let min = 0;
    let max = INFINITE;
    for (const { minItems = 0, maxItems = INFINITE } of parts) {
      min = Math.max(min, minItems as number);
      max = Math.min(max, maxItems as number);
    }
    const first = Math.max(0, ...lists.map(({ prefix }) => prefix.length));
    const at = (i: number): Expression => this.value(lists.map(({ prefix, rest }) => prefix[i] ?? rest));
    const rest = this.value(lists.map((list) => list.rest));
    const { comma } = this.#json;
    const prefix = Math.min(first, max);
    // Behind the items that have schemas of their own.
    const more = this.#e.repeat(this.#e.join(comma, rest), Math.max(0, min - prefix), Math.max(0, max - prefix));
    let tail = prefix === 0 ? null : more;
    for (let i = prefix - 1; i >= 0; i--) {
      const item = this.#e.join(at(i), tail!);
      if (i === 0) tail = item;
      else tail = i >= min ? this.#e.optional(this.#e.join(comma, item)) : this.#e.join(comma, item);
    }
    if (prefix === 0 && max > 0) {
      const others = this.#e.repeat(this.#e.join(comma, rest), Math.max(0, min - 1), max - 1);
      tail = this.#e.join(rest, others);
    }
    const none = min === 0 ? this.#json.within("[", null, "]") : this.#e.never;
    const some = tail ? this.#json.within("[", tail, "]") : this.#e.never;
    return this.#e.either([none, some]);
  }

  /** Schemas of the first items, and of all others. */
  #items(part: SchemaObject): { readonly prefix: readonly Schema[]; readonly rest: Schema } {
    const { items, prefixItems, additionalItems } = part;
    const at = (path: string, schema: unknown): Schema => this.#conjunctions.at(part, path, schema as Schema);
    // Before 2020-12 a list in `items` was what is `prefixItems` now.
    const list = Array.isArray(items) ? items : ((prefixItems as unknown[] | undefined) ?? []);
    const name = Array.isArray(items) ? "items" : "prefixItems";
    const rest = Array.isArray(items) ? additionalItems : items;
    return {
      prefix: list.map((schema, i) => at(`${name}/${i}`, schema)),
      rest: rest === undefined ? true : at(Array.isArray(items) ? "additionalItems" : "items", rest),
    };
  }

  #object(parts: readonly SchemaObject[]): Expression {
    const names = new Set(parts.flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : [])));
    const required = new Set(parts.flatMap((part) => (part.required as string[] | undefined) ?? []));
    for (const name of required) names.add(name);
    const key = this.#key(parts);
    const pairs: Pair[] = [];
    for (const name of names) {
      const schemas = parts.flatMap((part) => this.#ofProperty(part, name));
      const isAllowed = !schemas.includes(false) && this.#isName(key, name);
      if (!isAllowed && required.has(name)) return this.#e.never;
      if (!isAllowed) continue;
      const text = this.#e.text(JSON.stringify(name));
      pairs.push({ pair: this.#json.pair(text, this.value(schemas)), required: required.has(name) });
    }
    const other = this.#otherPairs(parts, [...names], key);
    let min = 0;
    let max = INFINITE;
    for (const { minProperties = 0, maxProperties = INFINITE } of parts) {
      min = Math.max(min, minProperties as number);
      max = Math.min(max, maxProperties as number);
    }
    min = min <= required.size ? 0 : min;
    const counting = parts.find((part) => part.minProperties !== undefined || part.maxProperties !== undefined);
    if (counting && pairs.length * Math.max(min, max === INFINITE ? 0 : max) > MAX_COUNTED) {
      throw this.#conjunctions.refuse(counting, "maxProperties", "it counts too many properties to be enforced");
    }
    // Two of the other properties may have one name.
    if (counting && min > 1 && other.kind !== "never") {
      const why = "more than one property of any name cannot be enforced; name them in `required`";
      throw this.#conjunctions.refuse(counting, "minProperties", why);
    }
    return this.#members(pairs, other, min, max);
  }

  /** @param min 0 where the required properties are as many */
  #members(pairs: readonly Pair[], other: Expression, min: number, max: number): Expression {
    const { comma } = this.#json;
    const counts = min > 0 || max < INFINITE;
    const known = new Map<string, Expression>();
    /** From pair `i` on, with `count` properties before it. */
    const from = (i: number, count: number): Expression => {
      const key = `${i},${counts ? count : Math.min(count, 1)}`;
      const made = known.get(key) ?? build(i, count);
      known.set(key, made);
      return made;
    };
    const build = (i: number, count: number): Expression => {
      const separator = count === 0 ? this.#e.empty : comma;
      if (i < pairs.length) {
        const { pair, required } = pairs[i]!;
        const taken = count < max ? this.#e.sequence([separator, pair, from(i + 1, count + 1)]) : this.#e.never;
        return required ? taken : this.#e.either([taken, from(i + 1, count)]);
      }
      const least = Math.max(0, min - count);
      const most = Math.max(0, max - count);
      const another = this.#e.join(comma, other);
      if (count > 0) return this.#e.repeat(another, least, most);
      const some = this.#e.join(other, this.#e.repeat(another, Math.max(0, least - 1), most - 1));
      return this.#e.either([least === 0 ? this.#e.empty : this.#e.never, most > 0 ? some : this.#e.never]);
    };
    const members = from(0, 0);
    const none = this.#e.nullable(members) ? this.#json.within("{", null, "}") : this.#e.never;
    return this.#e.either([none, this.#json.within("{", this.#some(members), "}")]);
  }

  /** Without the empty text, behind which a gap would stand twice. */
  #some(members: Expression): Expression {
    if (members.kind !== "either") return members.kind === "empty" ? this.#e.never : members;
    return this.#e.either(members.of.filter(({ kind }) => kind !== "empty"));
  }

  /** What one schema asks of a property. */
  #ofProperty(part: SchemaObject, name: string): Schema[] {
    const { properties, patternProperties, additionalProperties } = part;
    const schemas: Schema[] = [];
    if (isObject(properties) && Object.hasOwn(properties, name)) {
      schemas.push(this.#conjunctions.at(part, `properties/${name}`, properties[name] as Schema));
    }
    if (isObject(patternProperties)) {
      for (const [pattern, schema] of Object.entries(patternProperties)) {
        if (!new RegExp(pattern, "u").test(name)) continue;
        schemas.push(this.#conjunctions.at(part, `patternProperties/${pattern}`, schema as Schema));
      }
    }
    if (schemas.length > 0 || additionalProperties === undefined) return schemas;
    return [this.#conjunctions.at(part, "additionalProperties", additionalProperties as Schema)];
  }

  /** Properties that have no schema of their own. */
  #otherPairs(parts: readonly SchemaObject[], names: readonly string[], key: Expression | null): Expression {
    const patterns = [
      ...new Set(
        parts.flatMap((part) => (isObject(part.patternProperties) ? Object.keys(part.patternProperties) : [])),
      ),
    ];
    const patterned = parts.find((part) => part.patternProperties !== undefined);
    if (patterned && patterns.length > MAX_PATTERNS) {
      const why = `more than ${MAX_PATTERNS} patterns cannot be enforced together`;
      throw this.#conjunctions.refuse(patterned, "patternProperties", why);
    }
    const languages = patterns.map((pattern) => regexOf(this.#e, pattern, inJson, false));
    const named = names.length > 0 ? this.#e.oneOf(names.map((name) => JSON.stringify(name).slice(1, -1))) : null;
    const pairs: Expression[] = [];
    for (let chosen = 0; chosen < 2 ** patterns.length; chosen++) {
      const schemas = parts.flatMap((part): Schema[] => {
        const { patternProperties, additionalProperties } = part;
        const own = isObject(patternProperties) ? Object.entries(patternProperties) : [];
        const matching = own.filter(([pattern]) => (chosen >> patterns.indexOf(pattern)) & 1);
        if (matching.length > 0) return matching.map(([, schema]) => schema as Schema);
        if (additionalProperties === undefined) return [];
        return [this.#conjunctions.at(part, "additionalProperties", additionalProperties as Schema)];
      });
      if (schemas.includes(false)) continue;
      const among = languages.map((language, i) => ((chosen >> i) & 1 ? language : this.#e.not(language)));
      const limits = [...among, ...(named ? [this.#e.not(named)] : []), ...(key ? [key] : [])];
      const characters = this.#e.repeat(this.#json.character, 0, INFINITE);
      const text = this.#e.all([characters, ...limits]);
      if (this.#e.isEmpty(text)) continue;
      pairs.push(this.#json.pair(this.#json.quoted(text), this.value(schemas)));
    }
    return this.#e.either(pairs);
  }

  /** What `propertyNames` leaves of names, between the quotes; null where there is no such keyword. */
  #key(parts: readonly SchemaObject[]): Expression | null {
    const schemas = parts.flatMap((part): Schema[] =>
      part.propertyNames === undefined
        ? []
        : [this.#conjunctions.at(part, "propertyNames", part.propertyNames as Schema)],
    );
    if (schemas.length === 0) return null;
    const alternatives = this.#conjunctions.alternatives(schemas.filter((schema) => schema !== true));
    return this.#e.either(
      alternatives.map((own) => {
        if (!typesOf(own).includes("string")) return this.#e.never;
        const listing = own.find((part) => Object.hasOwn(part, "const") || part.enum !== undefined);
        if (!listing) return this.#string(own);
        const values = Object.hasOwn(listing, "const") ? [listing.const] : (listing.enum as unknown[]);
        const names = values.filter((value) => typeof value === "string" && fits(value, own) === true);
        const texts = names.map((name) => JSON.stringify(name).slice(1, -1));
        return texts.length > 0 ? this.#e.oneOf(texts) : this.#e.never;
      }),
    );
  }

  #isName(key: Expression | null, name: string): boolean {
    if (!key) return true;
    let rest = key;
    for (const byte of encoder.encode(JSON.stringify(name).slice(1, -1))) rest = this.#e.derivative(rest, byte);
    return this.#e.nullable(rest);
  }
}

/** Bytes that an expression counts: those of its longest text, where what has no limit counts once. */
function counted(expression: Expression): number {
  switch (expression.kind) {
    case "sequence": {
      let sum = 0;
      let at: Expression = expression;
      for (; at.kind === "sequence"; at = at.rest) sum += counted(at.first);
      return sum + counted(at);
    }
    case "either":
    case "all":
      return Math.max(...expression.of.map(counted));
    case "repeat":
      return (expression.max < INFINITE ? expression.max : Math.max(1, expression.min)) * counted(expression.item);
    case "not":
      return counted(expression.item);
    default:
      return 1;
  }
}

const encoder = new TextEncoder();
const NUMBER_KEYWORDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const numberOr = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
