/**
 * Fisher's information by our calibration, alone in its process, for squeeze.ts: `node fisher.ts MODEL TEXT SAMPLES`
 * writes {tensor: sum of the diagonal}.
 */

import { Tokenizer } from "../../src/core/model/tokenizer.ts";
import { readModel } from "../../src/core/platform/read-model.ts";
import { Calibrator } from "../../src/tools/compress/calibrate/calibrator.ts";
import { Pool } from "../../src/tools/compress/calibrate/threads/pool.ts";
import { readWindows } from "../../src/tools/text/windows.ts";
import { textOf } from "../support/calibration.ts";

const [file, text, samples] = process.argv.slice(2) as [string, string, string];
const model = await readModel(file);
const tokenizer = new Tokenizer(model.tokenizer["tokenizer.json"]);
const windows = await readWindows(text, tokenizer, 0, Number(samples), 512);
await using pool = await Pool.open();
const gradientOf = await new Calibrator(pool, textOf(windows)).gradients(model, true);
const matrices = [...model.tensors].filter(([name, { rows }]) => name.startsWith("model.layers.") && rows > 1);
const sums = matrices.map(([name]) => [name, gradientOf(name).squares!.reduce((sum, value) => sum + value, 0)]);
console.log(JSON.stringify(Object.fromEntries(sums)));
