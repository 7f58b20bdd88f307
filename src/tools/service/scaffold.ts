/** What `outrider init` writes: an edge of one's own, ready to install, build and deploy. */
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { PACKAGE, runningFile } from "../../core/platform/places.ts";
import type { Region } from "../../core/verify/region.ts";
import { COMPATIBILITY_DATE } from "./settings.ts";

/** File of the new folder: template. npm leaves files out of packages that are called .gitignore, hence the names. */
const TEMPLATES: Readonly<Record<string, string>> = {
  "src/worker.js": "worker.js",
  "wrangler.jsonc": "wrangler.jsonc",
  "README.md": "README.md",
  ".gitignore": "gitignore",
  ".dev.vars.example": "dev.vars.example",
};

interface Scaffold {
  readonly directory: string;
  /** URL of the origin, if it is known. */
  readonly origin: string | undefined;
  /** Where it stands, if that is known. */
  readonly region: Region | undefined;
}

/**
 * Writes the files and returns their names. The deployment gets an API key of its own, so that it is not open by
 * accident. Throws `not_empty` for a folder that holds anything.
 */
export async function writeScaffold({ directory, origin, region }: Scaffold): Promise<readonly string[]> {
  const held = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return [];
    if (cause.code !== "ENOTDIR") throw cause;
    throw new OutriderError(
      "not_empty",
      `${directory} is a file, or lies in one; name a folder that does not exist yet`,
    );
  });
  if (held.length > 0) {
    throw new OutriderError("not_empty", `${directory} is not empty; name a folder that does not exist yet`);
  }
  const name = workerName(directory);
  const values = {
    __NAME__: name,
    __ORIGIN__: origin ?? "",
    __REGION__: region ?? "",
    __DATE__: COMPATIBILITY_DATE,
  };
  const files: Record<string, string> = {
    "package.json": `${JSON.stringify(await manifest(name, directory), null, 2)}\n`,
    ".prod.vars": secrets(),
  };
  for (const [file, template] of Object.entries(TEMPLATES)) {
    const text = await readFile(runningFile(`tools/scaffold/${template}`), "utf8");
    files[file] = text.replace(/__[A-Z]+__/g, (mark) => values[mark as keyof typeof values] ?? mark);
  }
  for (const [file, text] of Object.entries(files)) {
    const target = path.join(directory, file);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, text, { mode: file === ".prod.vars" ? 0o600 : 0o644 });
  }
  return Object.keys(files).sort();
}

const secrets = (): string =>
  [
    "# Secrets of the deployed edge; `outrider deploy` uploads them. .dev.vars.example says what each is.",
    `API_KEYS="or-${randomBytes(24).toString("hex")}"`,
    'ORIGIN_TOKEN=""',
    `SESSION_SECRET="${randomBytes(24).toString("hex")}"`,
    "",
  ].join("\n");

/** Workers have names of lower-case letters, digits and dashes. */
function workerName(directory: string): string {
  const name = path
    .basename(path.resolve(directory))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return name.slice(0, 63) || "outrider-edge";
}

async function manifest(name: string, directory: string): Promise<object> {
  const own = JSON.parse(await readFile(path.join(PACKAGE, "package.json"), "utf8")) as {
    version: string;
    dependencies: Record<string, string>;
    cloudflare: object;
  };
  return {
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: {
      build: "outrider build",
      dev: "wrangler dev",
      deploy: "outrider deploy",
    },
    dependencies: { outrider: await ownSource(directory, own.version) },
    devDependencies: { wrangler: own.dependencies.wrangler },
    // What Cloudflare's Deploy button says when it asks for settings.
    cloudflare: own.cloudflare,
  };
}

/**
 * The package that runs, as a dependency: a version where it came from a registry, the file where it was installed
 * from a tarball, the folder where it is a clone.
 */
async function ownSource(directory: string, version: string): Promise<string> {
  const modules = path.dirname(path.resolve(PACKAGE));
  const fileSource = (file: string) => `file:${path.relative(path.resolve(directory), file).replaceAll("\\", "/")}`;
  if (path.basename(modules) !== "node_modules") return fileSource(PACKAGE);
  // npm writes down there where each package came from; other package managers do not, and have registries.
  const lock = await readFile(path.join(modules, ".package-lock.json"), "utf8").catch(() => "{}");
  const { packages } = JSON.parse(lock) as { packages?: Record<string, { resolved?: string }> };
  const tarball = /^file:(.*)$/.exec(packages?.["node_modules/outrider"]?.resolved ?? "")?.[1];
  return tarball === undefined ? `^${version}` : fileSource(path.resolve(modules, "..", tarball));
}
