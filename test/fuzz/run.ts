/**
 * `npm run suite fuzz -- [--seconds S] [--seed N] [--only NAME] [--case N]`: damaged input for every parser, for S seconds
 * each. Prints what the cases came to, and how to run a failing one again. Ends with status 1 where there is one.
 */
import { parseOptions } from "../support/parse-options.ts";
import { fuzz } from "./fuzz.ts";
import { READERS } from "./readers.ts";

const { values } = parseOptions({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: `${Date.now() % 1e6}` },
    only: { type: "string" },
    case: { type: "string" },
  },
});
const seed = Number(values.seed);
const chosen = READERS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) throw new Error(`--only is one of ${READERS.map(({ name }) => name).join(", ")}`);

for (const reader of chosen) {
  const from = Number(values.case ?? 0);
  const until = performance.now() + 1000 * Number(values.seconds);
  const more = (n: number) => (values.case === undefined ? performance.now() < until : n === from);
  const { outcomes, failure } = await fuzz(reader, seed, from, more);
  const count = [...outcomes.values()].reduce((sum, each) => sum + each, 0);
  const told = [...outcomes].sort((a, b) => b[1] - a[1]).map(([code, each]) => `${code} ${each}`);
  console.log(`${reader.name}: ${count} cases of seed ${seed}: ${told.join(", ")}`);
  if (!failure) continue;
  process.exitCode = 1;
  console.error(`${reader.name}: case ${failure.n} of seed ${seed} failed. Again:`);
  console.error(`  npm run suite fuzz -- --only ${reader.name} --seed ${seed} --case ${failure.n}`);
  console.error(failure.error);
}
