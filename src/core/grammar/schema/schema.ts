/**
 * JSON Schema as a grammar. A value's properties come in the order of the schema, those that it does not name behind
 * them; strings that are limited have their characters in JSON.stringify's form. Whatever cannot be enforced is
 * refused by name (keywords.ts).
 */

import { tooComplex } from "../budget.ts";
import { inJson } from "../characters.ts";
import type { Expression, Expressions } from "../expression.ts";
import { numberTable } from "../numbers.ts";
import { regexOf } from "../regex.ts";
import { Conjunctions } from "./conjunction.ts";
import { FORMATS } from "./formats.ts";
import { Json } from "./json.ts";
import { isObject, type Schema, type SchemaObject, type Type, UNLIKE } from "./keywords.ts";
import { type Member, Members } from "./members.ts";
import { Validator } from "./valid.ts";
import { Fitting, typesOf } from "./values.ts";

const INFINITE = Number.POSITIVE_INFINITY;
/** Sets of schemas that hold for a value at most. */
const MAX_RULES = 20_000;
/** Patterns of names at most: their combinations double with each. */
const MAX_PATTERNS = 4;
/** Properties times their least or greatest number at most. */
const MAX_COUNTED = 4096;
/** What a pattern counts times what a length counts, at most: each pair may be a state of its own. */
const MAX_COUNTED_TOGETHER = 200_000;

/** Bytes of memory of a rule, beside its expressions. */
const RULE_BYTES = 16;

/** A rule that is to be made: the values of all of these schemas. */
interface Open {
  readonly number: number;
  readonly schemas: readonly SchemaObject[];
}

export class SchemaGrammar {
  readonly #e: Expressions;
  readonly #json: Json;
  readonly #conjunctions: Conjunctions;
  readonly #rules: Expression[];
  readonly #known = new Map<string, Expression>();
  readonly #open: Open[] = [];
  readonly #validator: Validator;
  readonly #root: Schema;

  /** @param rules of the grammar that it becomes a part of */
  constructor(e: Expressions, rules: Expression[], root: Schema) {
    this.#e = e;
    this.#json = new Json(e);
    this.#conjunctions = new Conjunctions(root, e.budget);
    this.#root = root;
    this.#validator = new Validator(root);
    this.#rules = rules;
  }

  /** The values of the whole schema, in slices. Throws `unsupported_schema` naming the keyword and where it stands. */
  *values(): Generator<void, Expression> {
    const all = this.#value([this.#root]);
    // One after the other rather than one in another: schemas are nested deeper than calls may be.
    for (let open = this.#open.pop(); open; open = this.#open.pop()) {
      const alternatives: Expression[] = [];
      for (const parts of yield* this.#conjunctions.alternatives(open.schemas)) {
        alternatives.push(yield* this.#plain(parts));
        yield;
      }
      this.#rules[open.number] = this.#e.either(alternatives);
    }
    return all;
  }

  /** The values of all of these schemas: a rule, which is made later. */
  #value(schemas: readonly Schema[]): Expression {
    if (schemas.includes(false)) return this.#e.never;
    const objects = [...new Set(schemas.filter(isObject))];
    const key = this.#conjunctions.keyOf(objects);
    const known = this.#known.get(key);
    if (known) return known;
    if (this.#known.size >= MAX_RULES) throw tooComplex();
    this.#e.budget.take(RULE_BYTES);
    const number = this.#rules.push(this.#e.never) - 1;
    const rule = this.#e.rule(number);
    this.#known.set(key, rule);
    this.#open.push({ number, schemas: objects });
    return rule;
  }

  /** @param parts hold together, and none of them has alternatives */
  *#plain(parts: readonly SchemaObject[]): Generator<void, Expression> {
    const listing = parts.find((part) => Object.hasOwn(part, "const") || part.enum !== undefined);
    if (listing) return yield* this.#listed(listing, parts);
    const types: Expression[] = [];
    for (const type of typesOf(parts)) types.push(yield* this.#ofType(type, parts));
    return this.#e.either(types);
  }

  *#listed(listing: SchemaObject, parts: readonly SchemaObject[]): Generator<void, Expression> {
    const keyword = Object.hasOwn(listing, "const") ? "const" : "enum";
    const values: readonly unknown[] = keyword === "const" ? [listing.const] : (listing.enum as unknown[]);
    const fitting = new Fitting(parts, this.#validator);
    const flat: string[] = [];
    const nested: Expression[] = [];
    for (const value of values) {
      this.#e.budget.work(1);
      yield;
      if (!fitting.fits(value)) continue;
      if (typeof value === "object" && value !== null) nested.push(this.#json.literal(value));
      else flat.push(JSON.stringify(value));
    }
    return this.#e.either([this.#e.oneOf(flat), ...nested]);
  }

  *#ofType(type: Type, parts: readonly SchemaObject[]): Generator<void, Expression> {
    switch (type) {
      case "null":
        return this.#json.null;
      case "boolean":
        return this.#json.boolean;
      case "string":
        return this.#json.quoted(this.#string(parts));
      case "array":
        return yield* this.#array(parts);
      case "object":
        return yield* this.#object(parts);
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

  *#array(parts: readonly SchemaObject[]): Generator<void, Expression> {
    const lists = parts.map((part) => this.#items(part));
    let min = 0;
    let max = INFINITE;
    for (const { minItems = 0, maxItems = INFINITE } of parts) {
      min = Math.max(min, minItems as number);
      max = Math.min(max, maxItems as number);
    }
    const first = Math.max(0, ...lists.map(({ prefix }) => prefix.length));
    const at = (i: number): Expression => this.#value(lists.map(({ prefix, rest }) => prefix[i] ?? rest));
    const rest = this.#value(lists.map((list) => list.rest));
    const { comma } = this.#json;
    const prefix = Math.min(first, max);
    // Behind the items that have schemas of their own.
    const more = this.#e.repeat(this.#e.join(comma, rest), Math.max(0, min - prefix), Math.max(0, max - prefix));
    let tail = prefix === 0 ? null : more;
    for (let i = prefix - 1; i >= 0; i--) {
      yield;
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

  *#object(parts: readonly SchemaObject[]): Generator<void, Expression> {
    this.#checkPatterns(parts);
    const names = new Set(parts.flatMap(({ properties }) => (isObject(properties) ? Object.keys(properties) : [])));
    const required = new Set(parts.flatMap((part) => (part.required as string[] | undefined) ?? []));
    for (const name of required) names.add(name);
    const key = yield* this.#key(parts);
    const members: Member[] = [];
    for (const name of names) {
      yield;
      const schemas = parts.flatMap((part) => this.#ofProperty(part, name));
      const isAllowed = !schemas.includes(false) && this.#isName(key, name);
      if (!isAllowed && required.has(name)) return this.#e.never;
      if (!isAllowed) continue;
      const value = this.#json.pair(this.#e.empty, this.#value(schemas));
      members.push({ name: JSON.stringify(name), value, required: required.has(name) });
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
    if (counting && members.length * Math.max(min, max === INFINITE ? 0 : max) > MAX_COUNTED) {
      throw this.#conjunctions.refuse(counting, "maxProperties", "it counts too many properties to be enforced");
    }
    // Two of the other properties may have one name.
    if (counting && min > 1 && other.kind !== "never") {
      const why = "more than one property of any name cannot be enforced; name them in `required`";
      throw this.#conjunctions.refuse(counting, "minProperties", why);
    }
    const all = new Members(this.#e, members, other, this.#json.comma, { min, max });
    const none = all.mayBeEmpty ? this.#json.within("{", null, "}") : this.#e.never;
    return this.#e.either([none, this.#json.within("{", all.some(), "}")]);
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
        if (!this.#validator.patterns.match(pattern, name, false)) continue;
        schemas.push(this.#conjunctions.at(part, `patternProperties/${pattern}`, schema as Schema));
      }
    }
    if (schemas.length > 0 || additionalProperties === undefined) return schemas;
    return [this.#conjunctions.at(part, "additionalProperties", additionalProperties as Schema)];
  }

  /** Throws where there are too many patterns of names. */
  #checkPatterns(parts: readonly SchemaObject[]): void {
    const patterned = parts.find((part) => part.patternProperties !== undefined);
    if (!patterned || patternsOf(parts).length <= MAX_PATTERNS) return;
    const why = `more than ${MAX_PATTERNS} patterns cannot be enforced together`;
    throw this.#conjunctions.refuse(patterned, "patternProperties", why);
  }

  /** Properties that have no schema of their own. */
  #otherPairs(parts: readonly SchemaObject[], names: readonly string[], key: Expression | null): Expression {
    const patterns = patternsOf(parts);
    const languages = patterns.map((pattern) => regexOf(this.#e, pattern, inJson, false));
    const named = this.#e.oneOf(names.map((name) => JSON.stringify(name).slice(1, -1)));
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
      const limits = [...among, ...(named.kind === "never" ? [] : [this.#e.not(named)]), ...(key ? [key] : [])];
      const characters = this.#e.repeat(this.#json.character, 0, INFINITE);
      const text = this.#e.all([characters, ...limits]);
      if (this.#e.isEmpty(text)) continue;
      pairs.push(this.#json.pair(this.#json.quoted(text), this.#value(schemas)));
    }
    return this.#e.either(pairs);
  }

  /** What `propertyNames` leaves of names, between the quotes; null where there is no such keyword. */
  *#key(parts: readonly SchemaObject[]): Generator<void, Expression | null> {
    const schemas = parts.flatMap((part): Schema[] =>
      part.propertyNames === undefined
        ? []
        : [this.#conjunctions.at(part, "propertyNames", part.propertyNames as Schema)],
    );
    if (schemas.length === 0) return null;
    const alternatives = yield* this.#conjunctions.alternatives(schemas.filter((schema) => schema !== true));
    return this.#e.either(
      alternatives.map((own) => {
        if (!typesOf(own).includes("string")) return this.#e.never;
        const listing = own.find((part) => Object.hasOwn(part, "const") || part.enum !== undefined);
        if (!listing) return this.#string(own);
        const values = Object.hasOwn(listing, "const") ? [listing.const] : (listing.enum as unknown[]);
        const fitting = new Fitting(own, this.#validator);
        const names = values.filter((value) => typeof value === "string" && fitting.fits(value));
        return this.#e.oneOf(names.map((name) => JSON.stringify(name).slice(1, -1)));
      }),
    );
  }

  #isName(key: Expression | null, name: string): boolean {
    return !key || this.#e.has(key, JSON.stringify(name).slice(1, -1));
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
    case "text":
      return expression.text.length - expression.at;
    case "among":
      return expression.texts.reduce((most, { length }) => Math.max(most, length), 0);
    default:
      return 1;
  }
}

/** Patterns of names, each once. */
const patternsOf = (parts: readonly SchemaObject[]): string[] => [
  ...new Set(parts.flatMap((part) => (isObject(part.patternProperties) ? Object.keys(part.patternProperties) : []))),
];

const NUMBER_KEYWORDS = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
const numberOr = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
