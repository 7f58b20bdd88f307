/** A gateway in a process of its own, over an engine that costs nothing. Prints its URL. */
import { parseOptions } from "../../support/parse-options.ts";
import { scriptedOrigin } from "../../support/scripted-engine.ts";
import { packHeader } from "../../support/tiny.ts";

const { values } = parseOptions({ options: { pack: { type: "string" }, live: { type: "string", default: "256" } } });
const { vocabulary } = packHeader(values.pack!);
const live = Number(values.live);
const { server } = await scriptedOrigin({ live, kept: 4 * live, queueMs: 30_000 }, 0, {
  model: "tiny",
  vocabulary,
});
console.log(`http://127.0.0.1:${server.port}`);
