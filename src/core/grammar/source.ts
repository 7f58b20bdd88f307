/**
 * What a client asks of an answer's form, as plain data that crosses the wire, and its machine.
 */
import { OutriderError } from "../model/errors.ts";
import { finished } from "../model/sliced.ts";
import { Budget, nested } from "./budget.ts";
import { plain } from "./characters.ts";
import { type Expression, Expressions } from "./expression.ts";
import { gbnf } from "./gbnf.ts";
import { Machine } from "./machine.ts";
import { regexOf } from "./regex.ts";
import type { Schema } from "./schema/keywords.ts";
import { SchemaGrammar } from "./schema/schema.ts";
import { findCharacters, isProperty, propertiesIn } from "./unicode.ts";

export type ConstraintSource =
  /** A value of a JSON Schema. */
  | { readonly kind: "schema"; readonly schema: unknown }
  | { readonly kind: "regex"; readonly pattern: string }
  | { readonly kind: "choice"; readonly of: readonly string[] }
  /** A grammar in llama.cpp's GBNF. */
  | { readonly kind: "grammar"; readonly text: string }
  /** Any text in which none of these patterns occurs. */
  | { readonly kind: "without"; readonly patterns: readonly string[] }
  | { readonly kind: "sequence"; readonly of: readonly ConstraintSource[] }
  | { readonly kind: "either"; readonly of: readonly ConstraintSource[] }
  /** One or more, with a text between them. */
  | { readonly kind: "several"; readonly item: ConstraintSource; readonly between: string; readonly most: number };

/** Any JSON object. */
export const JSON_OBJECT: ConstraintSource = { kind: "schema", schema: { type: "object" } };

/** Properties of Unicode that a constraint's patterns name, at most: each takes some 50 ms to find. */
const MAX_PROPERTIES = 16;

/** Characters of a constraint as JSON at most. */
const MAX_SOURCE_CHARS = 256 * 1024;

/** The codes of what `compile` throws. */
export const REFUSALS: readonly string[] = [
  "unsupported_schema",
  "unsupported_pattern",
  "bad_grammar",
  "grammar_too_complex",
  "impossible_constraint",
];

/**
 * Throws `unsupported_schema`, `unsupported_pattern` or `bad_grammar` naming what cannot be enforced,
 * `grammar_too_complex`, and `impossible_constraint` where no text has it.
 */
export const compile = (source: ConstraintSource): Machine => finished(compiled(source, new Budget()));

/** The same in slices: where it stops it may wait as long as it likes. */
export function* compiled(source: ConstraintSource, budget: Budget): Generator<void, Machine> {
  const json = JSON.stringify(source);
  const { length } = json;
  if (length > MAX_SOURCE_CHARS) {
    const limit = `the limit is ${MAX_SOURCE_CHARS}`;
    throw refused("grammar_too_complex", `the constraint has ${length} characters; ${limit}`);
  }
  yield* properties(json);
  const making = made(source, new Expressions(budget));
  for (;;) {
    const { done, value } = nested(() => making.next());
    if (!done) yield;
    else if (value) return value;
    else throw refused("impossible_constraint", "no text meets the constraint");
  }
}

/** Finds the characters of all properties that patterns name, while there is time for it. */
function* properties(json: string): Generator<void> {
  const names = propertiesIn(json);
  if (names.size > MAX_PROPERTIES) {
    const limit = `the limit is ${MAX_PROPERTIES}`;
    throw refused("grammar_too_complex", `the constraint names ${names.size} properties of Unicode; ${limit}`);
  }
  for (const name of names) if (isProperty(name)) yield* findCharacters(name);
}

function* made(source: ConstraintSource, expressions: Expressions): Generator<void, Machine | null> {
  const rules: Expression[] = [];
  const start = yield* expressionOf(source, expressions, rules);
  return yield* Machine.of(expressions, rules, start);
}

function* expressionOf(source: ConstraintSource, e: Expressions, rules: Expression[]): Generator<void, Expression> {
  switch (source.kind) {
    case "schema": {
      const { schema } = source;
      if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))) {
        throw refused("unsupported_schema", "a JSON Schema is an object or a boolean");
      }
      return yield* new SchemaGrammar(e, rules, schema as Schema).values();
    }
    case "regex":
      return regexOf(e, source.pattern, plain, true);
    case "choice":
      return e.oneOf(source.of);
    case "grammar":
      return yield* gbnf(e, rules, source.text);
    case "without": {
      const any = e.repeat(e.range(0, 255), 0, Number.POSITIVE_INFINITY);
      const found = source.patterns.map((pattern) => regexOf(e, pattern, plain, true));
      return e.not(e.sequence([any, e.either(found), any]));
    }
    case "sequence":
    case "either": {
      const of: Expression[] = [];
      for (const each of source.of) of.push(yield* expressionOf(each, e, rules));
      return source.kind === "sequence" ? e.sequence(of) : e.either(of);
    }
    case "several": {
      const item = yield* expressionOf(source.item, e, rules);
      return e.join(item, e.repeat(e.join(e.text(source.between), item), 0, source.most - 1));
    }
  }
}

const refused = (code: string, message: string) => new OutriderError(code, message, { param: "response_format" });
