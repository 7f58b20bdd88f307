import { afterEach, expect, test, vi } from "vitest";
import { parseOptions } from "../support/parse-options.ts";

afterEach(() => vi.restoreAllMocks());

const OPTIONS = { quick: { type: "boolean", default: false }, rounds: { type: "string" } } as const;

test("what is understood is as from Node", () => {
  const { values } = parseOptions({ args: ["--rounds", "3"], options: OPTIONS });
  expect(values).toEqual({ quick: false, rounds: "3" });
});

test.each([
  [["--round", "3"], OPTIONS, "Unknown option '--round'; the options are --quick, --rounds"],
  [["--rounds"], OPTIONS, "Option '--rounds <value>' argument missing; the options are --quick, --rounds"],
  [["--quick"], {}, "Unknown option '--quick'; there are no options"],
])("%j ends the program with one sentence", (args, options, sentence) => {
  const said = vi.spyOn(console, "error").mockReturnValue();
  vi.spyOn(process, "exit").mockImplementation((status) => {
    throw new Error(`ended with ${status}`);
  });
  expect(() => parseOptions({ args, options })).toThrow("ended with 2");
  expect(said.mock.calls).toEqual([[sentence]]);
});
