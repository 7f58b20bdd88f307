/** `outrider deploy`: checks an edge, then hands it to wrangler. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import {
  builtModel,
  type Check,
  checkAssets,
  checkKeys,
  checkOrigins,
  checkRegion,
  checkWorker,
  notBuilt,
} from "../service/checks.ts";
import { type Project, readProject, readSecrets, SECRETS_FILE } from "../service/project.ts";
import { runWrangler } from "../service/wrangler.ts";
import { command } from "./command.ts";
import { flag } from "./options.ts";

/** 10 ms of CPU against the default draft's step, which took 4.0 and 1.9 ms on two machines (docs/use/deploying.md). */
const FREE_PLAN = [
  "note: on the Free plan a Worker has 10 ms of CPU a request, which are 2.5 to 5.3 steps of the default draft.",
  "Cloudflare's pages contradict each other about Durable Objects, where drafts run: 30 s, or the 10 ms of the plan.",
  "Outrider does not claim that a draft with weights works there; `outrider build --draft none` makes an edge without.",
].join("\n");

export const deployCommand = command({
  examples: [
    ["outrider deploy --dry-run", "checks everything and uploads nothing"],
    ["outrider deploy", "checks, then runs wrangler deploy"],
  ],
  options: {
    dryRun: flag("uploads nothing; what a deployment still needs is listed and is no failure"),
    open: flag("lets anybody use the API without a key"),
  },
  notes: `Run it in the folder of the edge. It checks the sizes of assets and Worker against Cloudflare's limits, that
clients need a key, that the origin answers, has the edge's model and vocabulary and takes its token.

Secrets (API_KEYS, ORIGIN_TOKEN, SESSION_SECRET) are lines of .prod.vars, or were set with \`wrangler secret put\`.`,
  async run({ dryRun, open }) {
    const project = await readProject(process.cwd());
    const checks: Check[] = [];
    const done = (check: Check): void => {
      checks.push(check);
      console.log(lines(check));
    };
    const scratch = await mkdtemp(path.join(tmpdir(), "outrider-deploy-"));
    try {
      const options = await wranglerOptions(project, scratch);
      for await (const check of checked(project, { open, dryRun, scratch, options })) done(check);
      refuseUnready(checks, dryRun);
      if (dryRun) console.log(dryRunEnd(count(checks, "open")));
      if (!dryRun && (await runWrangler(["deploy", ...options], "shown")).status !== 0) {
        throw new OutriderError("wrangler_failed", "wrangler did not deploy; its message is above");
      }
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
});

interface Deployment {
  readonly open: boolean;
  readonly dryRun: boolean;
  readonly scratch: string;
  readonly options: readonly string[];
}

async function* checked(project: Project, deployment: Deployment): AsyncGenerator<Check> {
  const edge = await builtModel(project.assets);
  if (!edge) return yield notBuilt(project.assets);
  yield await checkAssets(project.assets, edge);

  const bundle = path.join(deployment.scratch, "bundle");
  const made = await runWrangler(["deploy", "--dry-run", "--outdir", bundle, ...deployment.options], "kept");
  if (made.status === 0) yield await checkWorker(bundle);
  else yield { result: "failed", about: "Worker: wrangler cannot bundle it", next: made.stderr.trim() };

  const own = (await readSecrets(project.folder)) ?? {};
  const uploaded = deployment.dryRun ? [] : await uploadedSecrets();
  const names = [...Object.keys(own), ...uploaded];
  yield checkKeys(names, deployment.open, SECRETS_FILE);
  const token = own.ORIGIN_TOKEN ?? (uploaded.includes("ORIGIN_TOKEN") ? "hidden" : undefined);
  const { bound, vars } = project;
  yield* checkOrigins(vars.ORIGIN_URL, { bound, token }, edge);
  const region = checkRegion(vars.ORIGIN_REGION);
  if (region) yield region;
  if (edge.draft !== null && project.cpuMs === undefined) console.error(FREE_PLAN);
}

/** Secrets that are not empty, as JSON: wrangler would let the environment and `$` change those of a dotenv file. */
async function wranglerOptions({ folder }: Project, scratch: string): Promise<string[]> {
  const secrets = (await readSecrets(folder)) ?? {};
  if (Object.keys(secrets).length === 0) return [];
  const file = path.join(scratch, "secrets.json");
  await writeFile(file, JSON.stringify(secrets), { mode: 0o600 });
  return ["--secrets-file", file];
}

/** Names of the secrets that an earlier deployment has; none where there is no earlier one. */
async function uploadedSecrets(): Promise<string[]> {
  const { status, stdout } = await runWrangler(["secret", "list", "--format", "json"], "kept");
  if (status !== 0) return [];
  return (JSON.parse(stdout) as { name: string }[]).map(({ name }) => name);
}

const MARKS = { passed: "✓", failed: "✗", open: "✗" } as const;

const lines = ({ result, about, next }: Check): string =>
  next === undefined ? `${MARKS[result]} ${about}` : `${MARKS[result]} ${about}\n  next: ${next}`;

const count = (checks: readonly Check[], result: Check["result"]): number =>
  checks.filter((check) => check.result === result).length;

const dryRunEnd = (missing: number): string =>
  missing === 0
    ? "dry run: nothing was uploaded; this edge is ready to be deployed"
    : `dry run: nothing was uploaded; a deployment needs the ${missing === 1 ? "step" : `${missing} steps`} above`;

/** A dry run of an edge whose origin is not there yet has found nothing wrong; a deployment needs all of it. */
function refuseUnready(checks: readonly Check[], dryRun: boolean): void {
  const missing = count(checks, "failed") + (dryRun ? 0 : count(checks, "open"));
  if (missing === 0) return;
  const which = missing === 1 ? "one check" : `${missing} checks`;
  throw new OutriderError("not_ready", `${dryRun ? "a deployment would fail" : "not deployed"}: ${which} did not pass`);
}
