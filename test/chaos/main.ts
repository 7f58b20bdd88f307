/**
 * `npm run test:chaos -- --seed S --faults N`: a run of N faults. `--kills N`: so many SIGKILLs of the origin that
 * answers. `--replay FILE`: a schedule that a failed run has printed.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { chaos, replay } from "./chaos.ts";
import { kills } from "./kills.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    faults: { type: "string", default: "300" },
    kills: { type: "string" },
    replay: { type: "string" },
  },
});
const say = (line: string) => console.log(line);
const began = Date.now();
const seconds = () => Math.round((Date.now() - began) / 1000);

if (values.replay !== undefined) {
  const wrong = await replay(JSON.parse(readFileSync(values.replay, "utf8")));
  console.log(wrong.length === 0 ? "nothing was wrong" : wrong.join("\n"));
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else if (values.kills !== undefined) {
  const wrong = await kills(Number(values.kills), say);
  console.log(
    [...wrong, `${values.kills} SIGKILLs, ${Number(values.kills) - wrong.length} right texts, ${seconds()} s`].join(
      "\n",
    ),
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else {
  const { faults, right, refused, failure } = await chaos(Number(values.seed), Number(values.faults), say);
  console.log(
    `seed ${values.seed}: ${faults} faults, ${right} answers right, others ${JSON.stringify(refused)}, ${seconds()} s`,
  );
  if (failure) {
    const { wrong, schedule, repeats } = failure;
    console.log(
      `\n${wrong.join("\n")}\n\n${repeats ? "The shortest schedule" : "It did not fail again. The whole schedule"}:`,
    );
    console.log(JSON.stringify(schedule));
    process.exitCode = 1;
  }
  // As test/support/results.ts leaves them.
  const { OUTRIDER_RESULTS } = process.env;
  if (OUTRIDER_RESULTS !== undefined) {
    const failures = failure ? [`chaos, seed ${values.seed}\n${failure.wrong.join("\n")}`] : [];
    writeFileSync(OUTRIDER_RESULTS, JSON.stringify({ passed: failure ? 0 : 1, failed: failures.length, failures }));
  }
}

// A run that leaves something behind would hang whoever waits for it.
setTimeout(() => {
  console.error("something of the run is still at work a minute after its end");
  process.exit(1);
}, 60_000).unref();
