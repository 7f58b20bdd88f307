/** `npm run bench:layers`: the table of layers alone, in half a minute. */
import { Layers } from "./layers.ts";
import { layersTable } from "./report.ts";

const layers = await Layers.make();
layers.measure();
console.log(layersTable(Array.from({ length: 5 }, () => layers.measure())));
