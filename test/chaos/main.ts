/**
 * `npm run suite chaos -- --seed S --faults N`: until N faults have struck. `--seed 1,2,3`: a process for each, at once.
 * `--from R`: leaves out rounds that an earlier run has done. `--kills N`: so many SIGKILLs of the origin that answers.
 * `--replay FILE`: a schedule that a failed run has printed. `--llama`: the target runs in llama.cpp, which the first run
 * installs into the user's cache.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLlamaLibrary } from "../../src/origin/engines/llama-library.ts";
import { writeF32Gguf } from "../support/f32-gguf.ts";
import { parseOptions } from "../support/parse-options.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { chaos, replay } from "./chaos.ts";
import { kills } from "./kills.ts";

const { values } = parseOptions({
  options: {
    seed: { type: "string", default: "1" },
    faults: { type: "string", default: "300" },
    from: { type: "string", default: "0" },
    kills: { type: "string" },
    replay: { type: "string" },
    llama: { type: "boolean", default: false },
  },
});
const say = (line: string) => console.log(line);
const began = Date.now();
const seconds = () => Math.round((Date.now() - began) / 1000);

/** In f32, as the engine's keys and values (`exact`): every text is the same, whatever stood in one pass. */
async function tinyGguf(): Promise<string> {
  await findLlamaLibrary();
  const file = join(mkdtempSync(join(tmpdir(), "outrider-chaos-llama-")), "tiny.gguf");
  process.on("exit", () => rmSync(join(file, ".."), { recursive: true, force: true }));
  await writeF32Gguf(join(TINY_PACKS.target, "../tiny.gguf"), file);
  return file;
}
const gguf = values.llama ? await tinyGguf() : null;

if (values.replay !== undefined) {
  const wrong = await replay(JSON.parse(readFileSync(values.replay, "utf8")), gguf);
  console.log(wrong.length === 0 ? "nothing was wrong" : wrong.join("\n"));
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else if (values.kills !== undefined) {
  const wrong = await kills(Number(values.kills), gguf, say);
  console.log(
    [...wrong, `${values.kills} SIGKILLs, ${Number(values.kills) - wrong.length} right texts, ${seconds()} s`].join(
      "\n",
    ),
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
} else if (values.seed.includes(",")) {
  const runs = values.seed.split(",").map(async (seed) => {
    const options = ["--seed", seed, "--faults", values.faults, "--from", values.from];
    if (values.llama) options.push("--llama");
    const [code] = await once(
      spawn(process.execPath, [import.meta.filename, ...options], { stdio: "inherit" }),
      "exit",
    );
    if (code !== 0) process.exitCode = 1;
  });
  await Promise.all(runs);
} else {
  const { seed, from } = values;
  const result = await chaos(Number(seed), Number(values.faults), { from: Number(from), gguf }, say);
  const { faults, rounds, right, refused, failure } = result;
  console.log(
    `seed ${seed}: ${faults} faults in ${rounds} rounds from ${from} on, ${right} answers right, ` +
      `others ${JSON.stringify(refused)}, ${seconds()} s`,
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
