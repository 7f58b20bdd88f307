/** A file of 200 lines, and what somebody might have done with it: each edit with the words that ask for it. */
import { readFileSync } from "node:fs";

/** The beginning of src/core/speculate/window.ts as it once was; it stays so, whatever becomes of that file. */
export const SOURCE = readFileSync(new URL("window.txt", import.meta.url), "utf8");

export interface Edit {
  readonly name: string;
  readonly ask: string;
  readonly edited: string;
}

const LINES = SOURCE.split("\n");
const lines = (from: number, to: number): string => LINES.slice(from, to).join("\n");
/** The first function-like block that is long enough to be moved or left out. */
const [START, END] = [130, 160] as const;

const ADDED = `
  /** Verdicts since the last draft, for whoever watches. */
  get idleVerdicts(): number {
    const since = this.#skipped - this.#drafts;
    return since > 0 ? since : 0;
  }
`;

const renamed = SOURCE.replaceAll("history", "record").replaceAll("History", "Record");

export const EDITS: readonly Edit[] = [
  { name: "nothing", ask: "Repeat this file.", edited: SOURCE },
  { name: "rename", ask: "Rename history to record everywhere.", edited: renamed },
  {
    name: "add",
    ask: "Add a getter that tells how many verdicts were not drafted for.",
    edited: `${lines(0, START)}\n${ADDED}${lines(START, LINES.length)}`,
  },
  { name: "remove", ask: "Remove that block.", edited: `${lines(0, START)}\n${lines(END, LINES.length)}` },
  {
    name: "move",
    ask: "Move that block to the front.",
    edited: [lines(0, 60), lines(START, END), lines(60, START), lines(END, LINES.length)].join("\n"),
  },
  {
    name: "ten lines",
    ask: "Make every constant twice as large.",
    edited: SOURCE.replaceAll(/\b\d+(\.\d+)?\b/g, (number) => `${2 * Number(number)}`),
  },
  {
    name: "fenced",
    ask: "Rename history to record everywhere and explain what you did first.",
    edited: `I have renamed it in every place where it occurs. The file is now:\n\n\`\`\`typescript\n${renamed}\`\`\`\n`,
  },
  {
    name: "uncommented",
    ask: "Remove all comments.",
    edited: SOURCE.replaceAll(/^\s*(\/\*\*.*\*\/|\/\*\*|\*.*|\/\/.*)\n/gm, ""),
  },
];
