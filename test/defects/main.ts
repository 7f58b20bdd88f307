/**
 * `npm run suite defects`: shows of each row of mends.ts that its test passes, and fails once the mend is taken out. Works
 * on a copy of the project, so what is edited meanwhile is not disturbed. `--only 3,9`: some defects.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { MENDS, type Mend } from "./mends.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What no test writes to. The kernels are compiled again where wasm/ looks newer. */
const LINKED = new Set(["node_modules", "models", "wasm"]);
/** A test that waits for what no longer comes. */
const MOST_MS = 60_000;
const LEFT_OUT = new Set([".git", ".cache"]);

const { values } = parseOptions({ options: { only: { type: "string" } } });
const asked = values.only?.split(",").map(Number);
const mends = MENDS.filter(({ defect }) => !asked || asked.includes(defect));

const copy = mkdtempSync(join(tmpdir(), "outrider-defects-"));
cpSync(ROOT, copy, {
  recursive: true,
  preserveTimestamps: true,
  filter: (file) => {
    const [top = ""] = file.slice(ROOT.length + 1).split("/");
    return !LINKED.has(top) && !LEFT_OUT.has(top);
  },
});
for (const name of LINKED) symlinkSync(join(ROOT, name), join(copy, name));

function passes({ test, project = "unit", title }: Mend): boolean {
  const vitest = join(ROOT, "node_modules/vitest/vitest.mjs");
  const args = [vitest, "run", "--project", project, test, "--reporter=json", "--outputFile=result.json"];
  args.push(`--testTimeout=${MOST_MS}`);
  const { status } = spawnSync(process.execPath, [...args, ...(title ? ["--testNamePattern", title] : [])], {
    cwd: copy,
  });
  // A test may end its whole process, which then tells of none.
  if (status !== 0) return false;
  const { numPassedTests } = JSON.parse(readFileSync(join(copy, "result.json"), "utf8"));
  if (numPassedTests === 0) throw new Error(`${test} has no test named ${title}`);
  return true;
}

function withoutIt({ file, from, to }: Mend, look: () => boolean): boolean {
  const path = join(copy, file);
  const text = readFileSync(path, "utf8");
  if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`);
  writeFileSync(
    path,
    text.replace(from, () => to),
  );
  try {
    return look();
  } finally {
    writeFileSync(path, text);
  }
}

const rows: string[][] = [];
for (const mend of mends) {
  const green = passes(mend);
  const red = withoutIt(mend, () => !passes(mend));
  if (!green || !red) process.exitCode = 1;
  rows.push([`${mend.defect}`, mend.was, mend.test, green ? "passes" : "FAILS", red ? "fails" : "PASSES"]);
  console.log(rows.at(-1)!.join(" | "));
}
console.log(`\n${textTable(["defect", "what was wrong", "test", "as it is", "without the mend"], rows).join("\n")}`);
rmSync(copy, { recursive: true });
