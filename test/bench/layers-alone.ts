/**
 * `npm run bench layers`: the table of layers alone, in half a minute. With --json one round as JSON: bench engine
 * takes its rounds here, for in a process with many loaded models V8 keeps some kernels in their first, slow code.
 */
import { Layers } from "./layers.ts";
import { layersTable } from "./tables.ts";

const layers = await Layers.make();
layers.measure();
if (process.argv.includes("--json")) console.log(JSON.stringify(layers.measure()));
else console.log(layersTable(Array.from({ length: 5 }, () => layers.measure())));
