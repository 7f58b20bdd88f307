/** The list of src/core/kernels/constants.ts against the addresses that wasm/lib/constants.ts loads from, by name. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CONSTANTS } from "../../src/core/kernels/constants.ts";

const SOURCE = new URL("../../wasm/lib/constants.ts", import.meta.url);

test("each constant is loaded from its place in the list", () => {
  const functions = readFileSync(SOURCE, "utf8").matchAll(
    /export function (\w+)\((n: usize)?\): v128 \{\s*return v128\.load\((\d+)/g,
  );
  const names = Object.keys(CONSTANTS);
  const covered = [...functions].flatMap(([, name, indexed, address]) => {
    const first = Number(address) / 16;
    if (!indexed) {
      expect(names[first], name).toBe(name);
      return [name];
    }
    const run = names.filter((other) => other.startsWith(name!) && /\d$/.test(other));
    expect(names.slice(first, first + run.length), name).toEqual(run);
    return run;
  });
  expect(covered.sort()).toEqual([...names].sort());
});
