/** What must hold before an edge is deployed. Each check is one line for whoever deploys. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { type EdgeModel, edgeModelSchema } from "../../core/format/edge-model.ts";
import { OutriderError } from "../../core/model/errors.ts";
import { decodeHealth, type Health } from "../../core/verify/health.ts";
import { isHttpUrl, originList } from "../../core/verify/origin-list.ts";
import { regionOf } from "../../core/verify/region.ts";

export interface Check {
  /** `open`: nothing is wrong yet, but a deployment needs it. */
  readonly result: "passed" | "failed" | "open";
  readonly about: string;
  /** What to do where it did not pass. */
  readonly next?: string;
}

const passed = (about: string): Check => ({ result: "passed", about });
const failed = (about: string, next: string): Check => ({ result: "failed", about, next });
const open = (about: string, next: string): Check => ({ result: "open", about, next });

/** Cloudflare's limits, the newest that were found in November 2026. */
const ASSET_BYTES = 25 * 2 ** 20;
const ASSET_FILES = { free: 20_000, paid: 100_000 };
const WORKER_BYTES = 64 * 2 ** 20;
/** By Cloudflare's older page, on the Free plan, compressed. */
const OLDER_WORKER_BYTES = 3_000_000;

/** What `outrider build` wrote, or undefined where it has not. */
export async function builtModel(assets: string): Promise<EdgeModel | undefined> {
  const text = await readFile(path.join(assets, "model/target.json"), "utf8").catch(() => undefined);
  return text === undefined ? undefined : edgeModelSchema.parse(JSON.parse(text));
}

export const notBuilt = (assets: string): Check =>
  failed(`assets: ${path.relative(process.cwd(), assets)} holds no model`, "run `outrider build`");

/** Number and sizes of the assets. */
export async function checkAssets(assets: string, { model, draft }: EdgeModel): Promise<Check> {
  const entries = await readdir(assets, { recursive: true, withFileTypes: true });
  const files = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async ({ parentPath, name }) => ({ name, bytes: (await stat(path.join(parentPath, name))).size })),
  );
  const largest = files.reduce((most, file) => (file.bytes > most.bytes ? file : most));
  const what = `assets: ${model}, ${draft === null ? "without a draft" : `draft ${draft}`}`;
  if (largest.bytes > ASSET_BYTES) {
    const limit = `${mebibytes(largest.bytes)}, a file may have ${mebibytes(ASSET_BYTES)}`;
    return failed(`${what}; ${largest.name} has ${limit}`, "build with a smaller draft or a smaller tokenizer");
  }
  if (files.length > ASSET_FILES.free) {
    const limits = `the Free plan takes ${ASSET_FILES.free}, the Paid plan ${ASSET_FILES.paid}`;
    return failed(`${what}; ${files.length} files: ${limits}`, "remove files of your own from the assets");
  }
  return passed(`${what}; ${files.length} files, the largest ${mebibytes(largest.bytes)} of ${mebibytes(ASSET_BYTES)}`);
}

/** Size of the Worker that wrangler bundled into `folder`. */
export async function checkWorker(folder: string): Promise<Check> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const uploaded = entries.filter((entry) => entry.isFile() && !/\.(map|md)$/.test(entry.name));
  const files = await Promise.all(uploaded.map(({ parentPath, name }) => readFile(path.join(parentPath, name))));
  const sum = (sizes: number[]) => sizes.reduce((total, size) => total + size, 0);
  const bytes = sum(files.map((file) => file.length));
  const compressed = sum(files.map((file) => gzipSync(file).length));
  const about = `Worker: ${kibibytes(bytes)} of ${mebibytes(WORKER_BYTES)}, compressed ${kibibytes(compressed)}`;
  if (bytes > WORKER_BYTES) return failed(about, "import less into the Worker");
  const older = compressed > OLDER_WORKER_BYTES ? "; an older page of Cloudflare allows 3 MB compressed on Free" : "";
  return passed(about + older);
}

/**
 * Whether clients need a key.
 * @param secrets names of the secrets that the deployment will have; undefined where nobody knows
 */
export function checkKeys(secrets: readonly string[] | undefined, isOpen: boolean, file: string): Check {
  const hasKeys = secrets?.includes("API_KEYS") ?? false;
  if (hasKeys && isOpen) {
    return failed("keys: --open is said, and API_KEYS is set", `leave --open away, or take API_KEYS out of ${file}`);
  }
  if (hasKeys) return passed("keys: clients need one of API_KEYS");
  if (!isOpen) {
    return open(
      "keys: no API_KEYS, so that anybody could use your origin",
      `\`outrider keys add NAME\` writes one into ${file}; or say --open`,
    );
  }
  if (secrets?.includes("SESSION_SECRET")) return passed("keys: none, the API is open to everybody as --open says");
  return open(
    "keys: the API is open, and the names of its Sessions can be computed by anybody",
    `write SESSION_SECRET="a long random word" into ${file}`,
  );
}

/** Where Sessions will be made; undefined where the wrangler file says nothing. */
export function checkRegion(region: unknown): Check | undefined {
  if (region === undefined || region === "") return undefined;
  try {
    return passed(`sessions: beside the origin, in ${regionOf(`${region}`, "ORIGIN_REGION")}`);
  } catch (error) {
    return failed(`sessions: ${(error as OutriderError).message}`, "correct vars.ORIGIN_REGION in the wrangler file");
  }
}

/**
 * `checkOrigin` and `checkPublic` of every origin that is named, or of none.
 * @param named ORIGIN_URL
 */
export async function* checkOrigins(
  named: unknown,
  rest: Omit<OriginCheck, "url">,
  edge: EdgeModel,
): AsyncGenerator<Check> {
  let urls: readonly (string | undefined)[];
  try {
    urls = originUrls(named);
  } catch (error) {
    return yield failed(`origin: ${(error as OutriderError).message}`, "correct vars in the wrangler file");
  }
  for (const url of urls) {
    yield await checkOrigin({ url, ...rest }, edge);
    const unreachable = checkPublic(url);
    if (unreachable) yield unreachable;
  }
}

const originUrls = (named: unknown): readonly (string | undefined)[] =>
  named ? originList(`${named}`).map(({ url }) => url) : [undefined];

interface OriginCheck {
  readonly url: string | undefined;
  /** Whether a binding leads to the origin where no URL does. */
  readonly bound: boolean;
  /** The token that the deployment sends: a value, or only that it is set at Cloudflare. */
  readonly token: string | "hidden" | undefined;
}

/** Whether Cloudflare can reach the origin as this machine does; undefined for a URL that looks like it. */
export function checkPublic(url: string | undefined): Check | undefined {
  const host = url !== undefined && URL.canParse(url) ? new URL(url).hostname : "";
  const own = /(^|\.)(localhost|local)$|^(0|10|127|169\.254|192\.168|172\.(1[6-9]|2\d|3[01]))\.|^\[(::1|f[cde])/;
  if (!own.test(host)) return undefined;
  return open(
    `origin: ${host} is a name of this machine or its network, where Cloudflare cannot reach it`,
    "put a tunnel before the origin, and name the tunnel's URL (docs/use/deploying.md)",
  );
}

const ORIGIN_TIMEOUT_MS = 10_000;

/** Whether the origin is there, has the edge's model and vocabulary, and takes the edge's token. */
export async function checkOrigin({ url, bound, token }: OriginCheck, edge: EdgeModel): Promise<Check> {
  if (!url) {
    if (bound) return passed("origin: through the binding ORIGIN, which cannot be asked from here");
    return open(
      "origin: none is named",
      "start one with `outrider origin`, and name it in ORIGIN_URL of the wrangler file",
    );
  }
  if (!isHttpUrl(url)) {
    return failed(`origin: "${url}" is no URL`, "write it as https://origin.example.com");
  }
  let health: Health;
  try {
    health = await originHealth(url);
  } catch (error) {
    const why = error instanceof OutriderError ? error.message : "it does not answer";
    return failed(`origin: ${url}: ${why}`, "start `outrider origin` there, and check the tunnel or proxy before it");
  }
  const { model, vocabulary, tokenRequired } = health;
  if (model !== edge.model) {
    return failed(
      `origin: ${url} serves ${model}, this edge is built for ${edge.model}`,
      "build for the origin's model, or start the origin with another",
    );
  }
  if (vocabulary.hash !== edge.vocabulary.hash) {
    return failed(
      `origin: ${url} serves a ${model} with another vocabulary`,
      "build from the very model that the origin runs",
    );
  }
  const same = `origin: ${url} serves ${model} with the same vocabulary (${health.engine})`;
  if (!tokenRequired) return passed(`${same}; it asks for no token`);
  if (token === undefined) return failed(`${same}; it asks for a token`, "set the secret ORIGIN_TOKEN to that token");
  if (token === "hidden") return passed(`${same}; whether it takes the token cannot be seen from here`);
  const taken = await ask(new URL("/metrics", url), token).then(
    () => true,
    () => false,
  );
  if (taken) return passed(`${same}, and takes the token`);
  return failed(`${same}, and refuses the token`, "set ORIGIN_TOKEN to the content of the origin's --token-file");
}

/** Throws `no_origin`, `loading`, or what fetch throws. */
export const originHealth = async (url: string): Promise<Health> => decodeHealth(await ask(new URL("/health", url)));

async function ask(url: URL, token?: string): Promise<string> {
  const response = await fetch(url, {
    signal: AbortSignal.timeout(ORIGIN_TIMEOUT_MS),
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
  });
  if (token !== undefined && !response.ok) throw new OutriderError("refused", `status ${response.status}`);
  return response.text();
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1).replace(/\.0$/, "")} MiB`;
const kibibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 10)} KiB`;
