/**
 * `npm run suite sdk`: pinned SDKs against the service, one table of cases for all.
 *
 *   ok        the answer shows that what was asked for took effect
 *   refused   an error with a status of 400 to 499 or 501, as a caller can read it
 *   –         the SDK has no such call, or no way to pass the field
 *   ignored   an answer as if it had not been asked for: the run fails
 *   failed    anything else: the run fails
 *
 * Installs the SDKs into .cache/sdk (npm, pip; about 600 MB). The tiny pair of the repository answers, in workerd on
 * this machine, with a key. `--only a,b` takes some SDKs, `--cases a,b` some cases; `--write` puts the table into
 * docs/reference/sdk.md, which then holds all SDKs and cases of the run.
 */
import { parseOptions } from "../support/parse-options.ts";
import { startEdge } from "../support/service.ts";
import { TINY_PACKS } from "../support/tiny.ts";
import { CASES, type Case } from "./cases.ts";
import { NoSuchCall, SdkError, type Service } from "./client.ts";
import { install, open, SDKS, type Sdk } from "./sdks.ts";
import { type Cell, printed, writeTable } from "./table.ts";

const {
  only,
  cases: some,
  write,
} = parseOptions({
  options: { only: { type: "string" }, cases: { type: "string" }, write: { type: "boolean", default: false } },
}).values;
const listed = (names: string | undefined, name: string): boolean =>
  names === undefined || names.split(",").includes(name);
const sdks = SDKS.filter(({ name }) => listed(only, name));
const cases = CASES.filter(({ name }) => listed(some, name));

const KEY = "conformance";

async function cellOf(one: Case, sdk: Sdk, client: ReturnType<typeof open>, service: Service): Promise<Cell> {
  try {
    const outcome = await one.run((operation, fields) => client.call(operation, service, fields), client, service);
    return { outcome };
  } catch (error) {
    if (error instanceof NoSuchCall) return { outcome: "none" };
    const { status, message } = error as SdkError;
    // Some SDKs tell a refusal in words alone.
    const refused =
      error instanceof SdkError && (status === null ? /\b(400|404|501)\b/.test(message) : isRefusal(status));
    return { outcome: refused ? "refused" : "failed", why: `${sdk.name}, ${one.name}: ${message.slice(0, 300)}` };
  }
}

const isRefusal = (status: number): boolean => (status >= 400 && status < 500) || status === 501;

install(sdks);
const edge = await startEdge({
  targetPack: TINY_PACKS.target,
  draftPack: TINY_PACKS.draft,
  vars: { API_KEYS: KEY },
});
const rows: Cell[][] = cases.map(() => []);
try {
  const service = { url: edge.url, key: KEY, model: "tiny" };
  for (const sdk of sdks) {
    const client = open(sdk, service);
    for (const [at, one] of cases.entries()) {
      const cell = await cellOf(one, sdk, client, service);
      rows[at]!.push(cell);
      console.log(`${sdk.name.padEnd(22)} ${one.name.padEnd(26)} ${cell.outcome}`);
    }
    client.close();
  }
} finally {
  await edge.stop();
}
const all = rows.flat();
console.log(`\n${printed(cases, sdks, rows)}\n`);
for (const { outcome, why } of all) if (outcome === "failed" && why) console.log(why);
const count = (outcome: Cell["outcome"]): number => all.filter((cell) => cell.outcome === outcome).length;
console.log(
  JSON.stringify({ ok: count("ok"), refused: count("refused"), ignored: count("ignored"), failed: count("failed") }),
);
if (write) writeTable(cases, sdks, rows);
process.exitCode = count("ignored") + count("failed") > 0 ? 1 : 0;
