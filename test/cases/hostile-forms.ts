/** Forms that a client sends to fill memory: each legal, of some tens of kilobytes, and another one for each number. */
import type { ConstraintSource } from "../../src/core/grammar/source.ts";

const range = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const properties = (count: number, of: unknown, name: string) =>
  Object.fromEntries(range(count, (i) => [`${name}${i}`, of]));
const schema = (of: unknown): ConstraintSource => ({ kind: "schema", schema: of });

export const HOSTILE: Readonly<Record<string, (i: number) => ConstraintSource>> = {
  "2,000 properties": (i) =>
    schema({ type: "object", properties: properties(2000, { type: "string" }, `p${i}_`), additionalProperties: false }),
  "500 required ones, and others": (i) => {
    const all = properties(500, { type: ["integer", "null"], minimum: i }, `r${i}_`);
    return schema({ type: "object", properties: all, required: Object.keys(all) });
  },
  "15,000 values": (i) => schema({ enum: range(15_000, (k) => `${i}-${k}`) }),
  "references that double": (i) => {
    const next = (k: number) => ({ $ref: `#/$defs/d${k + 1}` });
    const list = (k: number) => ({ type: "array", prefixItems: [next(k), next(k)], minItems: 2 });
    const defs = Object.fromEntries(range(600, (k) => [`d${k}`, k === 599 ? { const: i } : list(k)]));
    return schema({ $ref: "#/$defs/d0", $defs: defs });
  },
  "counts behind counts": (i) => ({ kind: "regex", pattern: range(300, (k) => `[a-z]{0,${k + 1 + i}}`).join("") }),
  "1,500 ways": (i) => ({
    kind: "grammar",
    text: `root ::= ${range(1500, (k) => `"w${i}_${k} " [a-f]{2,${k + 3}}`).join(" | ")}`,
  }),
  "more than may be": (i) =>
    schema({ type: "object", properties: properties(9000, {}, `q${i}_`), additionalProperties: false }),
};

/** A hostile form for each number, of all kinds in turn. As a request brings it: no two parts of it are one object. */
export function hostile(i: number): ConstraintSource {
  const kinds = Object.values(HOSTILE);
  return JSON.parse(JSON.stringify(kinds[i % kinds.length]!(i)));
}
