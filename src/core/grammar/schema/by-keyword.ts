/** What is made of a schema and one of its keywords, made once. */
import type { SchemaObject } from "./keywords.ts";

export class ByKeyword<T> {
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
