/**
 * `npm run bench recipes -- DIR`: tokens a second that each pack DIR/NAME/ decodes in workerd, on one thread, beside
 * the whole model. Rounds of all of them take turns, as in engine.ts, so that what else the machine does touches all
 * alike.
 *
 *   npm run bench recipes -- DIR [--rounds 5] [--json]
 *
 * Prints a line a pack, the median and in brackets the lowest and highest round, and last one line of JSON, {NAME:
 * median}; with --json only that. All packs lie in the memory of one isolate, 50 to 160 MB each: the 128 MB of a
 * deployed one are Cloudflare's limit and not workerd's. Close other programs: everything shares the machine's cores.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { createTestHarness } from "wrangler";
import { packBytes } from "../../src/core/format/pack-header.ts";
import { linkFiles } from "../../src/tools/service/assets.ts";
import { parseOptions } from "../support/parse-options.ts";
import { prepare } from "../support/prepared.ts";
import { packHeader } from "../support/tiny.ts";
import { summarise } from "./tables.ts";

const ASSETS = resolve(import.meta.dirname, "../../build/bench");
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

const { values, positionals } = parseOptions({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "5" }, json: { type: "boolean", default: false } },
});
const [directory] = positionals;
const count = Number(values.rounds);
if (directory === undefined || positionals.length > 1 || !(Number.isInteger(count) && count > 0)) {
  throw new Error("usage: npm run bench recipes -- DIR [--rounds 5] [--json]");
}

const { target } = await prepare();
const folders = (existsSync(directory) ? readdirSync(directory).sort() : [])
  .map((name) => join(directory, name))
  .filter((folder) => existsSync(join(folder, "pack.json")));
if (folders.length === 0) {
  throw new Error(`${directory} holds no NAME/pack.json; make some: outrider squeeze … --out ${directory}/NAME`);
}
const packs = [
  { name: packHeader(target).model, directory: target, header: packHeader(target) },
  ...folders.map((folder) => ({ name: basename(folder), directory: folder, header: packHeader(folder) })),
];
rmSync(ASSETS, { recursive: true, force: true });
for (const pack of packs) await linkFiles(pack.directory, join(ASSETS, pack.name));

const harness = createTestHarness({ workers: [{ configPath: join(import.meta.dirname, "wrangler.toml") }] });
const { url } = await harness.listen();
const decode = async (name: string): Promise<number> => {
  const response = await fetch(new URL(`/?only=decode&pack=/${encodeURIComponent(name)}/`, url));
  if (!response.ok) throw new Error(`${name}: the bench Worker answered ${response.status}; what failed is above`);
  return (await response.json()) as number;
};

const rounds = new Map<string, number[]>(packs.map(({ name }) => [name, []]));
// Round 0 loads weights and lets the kernels compile; it is not counted.
for (let n = 0; n <= count; n++) {
  process.stderr.write(`round ${n} of ${count}\n`);
  for (const [name, speeds] of rounds) {
    const speed = await decode(name);
    if (n > 0) speeds.push(speed);
  }
}
await harness.close();

const medians: Record<string, number> = {};
for (const { name, header } of packs) {
  const { median, low, high } = summarise(rounds.get(name)!);
  medians[name] = Number(median.toPrecision(4));
  if (values.json) continue;
  const megabytes = (packBytes(header) / 1e6).toFixed(1);
  console.log(`${name}: ${median.toFixed(1)} tokens/s (${low.toFixed(1)} to ${high.toFixed(1)}), ${megabytes} MB`);
}
console.log(JSON.stringify(medians));
