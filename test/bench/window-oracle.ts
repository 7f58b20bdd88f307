/** Our draft lengths beside the best that were found afterwards, on recorded traces (rules/), at cells of a grid. */
import path from "node:path";
import { acceleratorNamed } from "../../src/origin/engines/accelerators.ts";
import { type Cell, rounded } from "./emulated-grid.ts";
import { achievable, ratesAt } from "./rules/compare.ts";
import { modelOf } from "./rules/oracles.ts";
import { readTraces } from "./rules/trace.ts";

/** Mean over the cells of the window's tokens per ms ÷ the achievable ones; the round trip varies by a tenth. */
export function windowVsOracle(cells: readonly Cell[], draftStepMs: number): number {
  const answers = readTraces(path.join(import.meta.dirname, "rules/traces.jsonl.gz"));
  const model = modelOf(answers.flatMap(({ chains }) => chains));
  const ratios = cells.map(({ accelerator, roundTripMs }) => {
    const { costs, passMs } = acceleratorNamed(accelerator);
    const rates = ratesAt(answers, model, { costs, passMs, roundTripMs, draftStepMs, weather: "steady" });
    return rates.rules.window! / achievable(rates);
  });
  return rounded(ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length);
}
