/** The accelerators that can be emulated, as text. */

import { ACCELERATORS, COST_CLASSES, type CostClassName } from "../../origin/engines/accelerators.ts";
import { PASS_COSTS } from "../../origin/pass-costs.ts";
import { textTable } from "../charts/text-table.ts";

export function acceleratorList(): string {
  const all = [...ACCELERATORS.values()];
  const rows = all.map(({ name, about, costs, passMs, prefill }) => [name, `${passMs}`, costs, `${prefill}`, about]);
  const classes = (Object.keys(COST_CLASSES) as CostClassName[]).map((name) => {
    const points = Object.entries(PASS_COSTS[name]).map(([positions, ratio]) => `${positions}: ${ratio}`);
    return [name, COST_CLASSES[name].about, points.join(", ")];
  });
  return [
    "Emulated: recorded answers at costs that were published, none of them measured by this project.",
    "",
    ...textTable(["accelerator", "ms a pass", "class", "prompt tokens/s", "what"], rows),
    "",
    "A class with a pass of your own is a name, too, such as gemm16:25. A pass over n positions costs:",
    "",
    ...textTable(["class", "what", "n: times a pass over one"], classes),
    "",
    "Sources:",
    ...all.map(({ name, source }) => `  ${name}: ${source}`),
    ...classes.map(([name]) => `  ${name}: ${COST_CLASSES[name as CostClassName].source}`),
  ].join("\n");
}
