/**
 * What a client asks of an answer's form, as plain data that crosses the wire, and its machine.
 */
import { OutriderError } from "../model/errors.ts";
import { plain } from "./characters.ts";
import { type Expression, Expressions, nested } from "./expression.ts";
import { gbnf } from "./gbnf.ts";
import { Machine } from "./machine.ts";
import { regexOf } from "./regex.ts";
import type { Schema } from "./schema/keywords.ts";
import { SchemaGrammar } from "./schema/schema.ts";

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

/** Characters of a constraint as JSON at most. */
export const MAX_SOURCE_CHARS = 256 * 1024;

/**
 * Throws `unsupported_schema`, `unsupported_pattern` or `bad_grammar` naming what cannot be enforced,
 * `grammar_too_complex`, and `impossible_constraint` where no text has it.
 */
export function compile(source: ConstraintSource): Machine {
  const { length } = JSON.stringify(source);
  if (length > MAX_SOURCE_CHARS) {
    const limit = `the limit is ${MAX_SOURCE_CHARS}`;
    throw refused("grammar_too_complex", `the constraint has ${length} characters; ${limit}`);
  }
  const machine = nested(() => {
    const expressions = new Expressions();
    const rules: Expression[] = [];
    const start = expressionOf(source, expressions, rules);
    return Machine.of(expressions, rules, start);
  });
  if (!machine) throw refused("impossible_constraint", "no text meets the constraint");
  return machine;
}

function expressionOf(source: ConstraintSource, e: Expressions, rules: Expression[]): Expression {
  switch (source.kind) {
    case "schema": {
      const { schema } = source;
      if (typeof schema !== "boolean" && (typeof schema !== "object" || schema === null || Array.isArray(schema))) {
        throw refused("unsupported_schema", "a JSON Schema is an object or a boolean");
      }
      return new SchemaGrammar(e, rules, schema as Schema).value([schema as Schema]);
    }
    case "regex":
      return regexOf(e, source.pattern, plain, true);
    case "choice":
      return e.oneOf(source.of);
    case "grammar":
      return gbnf(e, rules, source.text);
    case "without": {
      const any = e.repeat(e.range(0, 255), 0, Number.POSITIVE_INFINITY);
      const found = source.patterns.map((pattern) => regexOf(e, pattern, plain, true));
      return e.not(e.sequence([any, e.either(found), any]));
    }
    case "sequence":
      return e.sequence(source.of.map((each) => expressionOf(each, e, rules)));
    case "either":
      return e.either(source.of.map((each) => expressionOf(each, e, rules)));
    case "several": {
      const item = expressionOf(source.item, e, rules);
      return e.join(item, e.repeat(e.join(e.text(source.between), item), 0, source.most - 1));
    }
  }
}

const refused = (code: string, message: string) => new OutriderError(code, message, { param: "response_format" });
