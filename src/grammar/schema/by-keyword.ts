/** What is made of a schema and one of its keywords, made once. */
import type { SchemaObject } from "./keywords.ts";

export class ByKeyword<T> {
  readonly #made = new Map<SchemaObject, Map<string, T>>();

  of(schema: SchemaObject, keyword: string, make: () => T): T {
    const own = this.#made.get(schema) ?? new Map<string, T>();
    this.#made.set(schema, own);
    const known = own.get(keyword);
    if (known !== undefined) return known;
    const made = make();
    own.set(keyword, made);
    return made;
  }
}
