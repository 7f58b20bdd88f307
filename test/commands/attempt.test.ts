/** A program that is no command of `outrider` has the same help and the same mistakes, under its own name. */
import { afterEach, expect, test, vi } from "vitest";
import { attempt } from "../../src/tools/commands/attempt.ts";
import { command } from "../../src/tools/commands/command.ts";
import { text } from "../../src/tools/commands/options.ts";

const NAME = "node tools/copy.ts";
const copied: string[] = [];
const copy = command({
  examples: [[`${NAME} --out there`, "copies"]],
  options: { out: text("FILE", "where to", { required: true }) },
  run: async ({ out }) => {
    if (out === "full") throw new Error("no room\nand more");
    copied.push(out);
  },
});

afterEach(() => vi.restoreAllMocks());

test.each([
  [["--out", "there"], 0, []],
  [["--help"], 0, []],
  [["--oot", "there"], 2, [`${NAME}: unknown option --oot (did you mean --out?); see ${NAME} --help`]],
  [[], 2, [`${NAME}: --out is missing; see ${NAME} --help`]],
  [["--out", "full"], 1, [`${NAME}: no room (unexpected; OUTRIDER_DEBUG=1 shows where it happened)`]],
])("%j", async (argv, status, errors) => {
  const out = vi.spyOn(console, "log").mockReturnValue();
  const err = vi.spyOn(console, "error").mockReturnValue();
  copied.length = 0;
  expect(await attempt(NAME, "Copies.", copy, argv)).toBe(status);
  expect(err.mock.calls.flat()).toEqual(errors);
  expect(copied).toEqual(argv[1] === "there" && status === 0 ? ["there"] : []);
  if (argv[0] === "--help") expect(out.mock.calls.join("\n")).toContain(`\n  ${NAME} --out FILE [options]\n`);
});
