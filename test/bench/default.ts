/**
 * `npm run bench default`: what a user of `npm start` gets, default against `"outrider": {"draft": "off"}`. The service
 * is started exactly so: npm, wrangler, workerd with the edge and the target beside it. Five questions, greedy, each
 * asked in both ways one after the other.
 *
 *   npm run bench default -- [--quick] [--rounds 6] [--tokens 96] [--url URL] [-- options of start]
 *
 * The figures are of a client that reads the stream. Ratios are medians over pairs of answers. --url asks a service
 * that runs already. The last line is JSON. Close other programs.
 */
import { textTable } from "../../src/tools/charts/text-table.ts";
import { parseOptions } from "../support/parse-options.ts";
import { npmStart } from "../support/service.ts";
import { againstOff } from "./against-off.ts";

const { values, positionals } = parseOptions({
  options: {
    quick: { type: "boolean", default: false },
    rounds: { type: "string", default: "6" },
    tokens: { type: "string", default: "96" },
    url: { type: "string" },
  },
  allowPositionals: true,
});
const [rounds, tokens] = values.quick ? [2, 64] : [Number(values.rounds), Number(values.tokens)];

const service = values.url === undefined ? await npmStart(positionals) : null;
try {
  const url = values.url ?? service!.url;
  const { data } = (await (await fetch(`${url}/v1/models`)).json()) as { data: [{ id: string }] };
  const progress = (line: string): void => void process.stderr.write(`${line}\n`);
  const result = await againstOff(url, { rounds, tokens, model: data[0].id, progress });
  const cells = (["default", "off"] as const).map((way) => [way, ...Object.values(result[way]).map(String)]);
  console.log(textTable(["", ...Object.keys(result.off)], cells).join("\n"));
  console.log(JSON.stringify(result));
} finally {
  await service?.stop();
}
