/** An edge and its origin together on this machine: both Workers in one `wrangler dev`. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { OutriderError } from "../../core/model/errors.ts";
import { newNode } from "./node.ts";
import { type Parts, writeSettings } from "./settings.ts";
import { writeVars } from "./vars-file.ts";

export interface Service extends Parts {
  readonly port: number;
  /** Where to listen; this machine alone unless given. */
  readonly host?: string;
  /** Where its settings and local storage lie (platform/places.ts). */
  readonly folder: string;
  /** Further settings of the edge Worker, by name (src/edge/env.ts). */
  readonly vars?: Readonly<Record<string, string>>;
}

/** wrangler ends within two seconds on a machine at rest; after this long it is ended by force. */
const FORCE_MS = 10_000;

/**
 * Runs the service until it is interrupted. The exit status is then 0 after SIGINT, 143 after SIGTERM, and 129 after
 * SIGHUP, which a terminal sends that is closed. Throws
 * `port_in_use`, `wrangler_failed` when wrangler ends by itself, and `no_wrangler` or `old_node` when it cannot be
 * started.
 * @param ready called once, with the service's URL, when it answers
 */
export async function serve(service: Service, ready: (url: string) => void): Promise<void> {
  const { port, host = "localhost" } = service;
  await checkFree(port, host);
  const vars = varsFile(service, host);
  const wrangler = await startWrangler(["dev", ...developmentOptions(service, host, vars)]);
  let interrupted = false;
  let force: NodeJS.Timeout | undefined;
  const forward = (signal: NodeJS.Signals) => {
    interrupted = true;
    process.exitCode = STATUS[signal];
    wrangler.kill(signal === "SIGHUP" ? "SIGTERM" : signal);
    force ??= setTimeout(() => endTree(wrangler.pid!), FORCE_MS);
  };
  // Its bundler, cut off in the middle of a build, prints the stacks of all its threads.
  wrangler.stderr?.on("data", (text: Buffer) => interrupted || process.stderr.write(text));
  for (const signal of Object.keys(STATUS)) process.on(signal, forward);
  const ended = new Promise<void>((done, reject) => {
    wrangler.on("error", reject);
    wrangler.on("exit", (code) => {
      if (interrupted || code === 0) done();
      else reject(new OutriderError("wrangler_failed", `wrangler dev ended with status ${code}; its message is above`));
    });
  });
  const url = addressOf(port, host);
  try {
    if (await Promise.race([ended, answers(`${url}/health`, wrangler)])) ready(url);
    await ended;
  } finally {
    clearTimeout(force);
    for (const signal of Object.keys(STATUS)) process.off(signal, forward);
    // A child of wrangler's that outlives it holds the other end, and this process must not wait for that.
    wrangler.stderr?.destroy();
    rmSync(vars);
  }
}

/** Where this machine reaches what listens there. */
export const addressOf = (port: number, host: string): string =>
  `http://${["0.0.0.0", "::"].includes(host) ? "localhost" : host}:${port}`;

/** What interrupts the service, and the exit status that follows. */
const STATUS: Partial<Record<NodeJS.Signals, number>> = { SIGINT: 0, SIGTERM: 143, SIGHUP: 129 };

/** Kills a process and all that it has started: workerd goes on without the process that started it. */
function endTree(pid: number): void {
  if (process.platform === "win32") {
    execFileSync("taskkill", ["/pid", `${pid}`, "/T", "/F"], { stdio: "ignore" });
    return;
  }
  const rows = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  const parents = rows.map((row) => row.trim().split(/\s+/).map(Number) as [number, number]);
  const tree = [pid];
  for (const parent of tree) tree.push(...parents.filter(([, of]) => of === parent).map(([child]) => child));
  for (const each of tree) {
    try {
      process.kill(each, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Starts wrangler in the current directory, on the stdout of this process. Throws `no_wrangler` or `old_node`. */
const startWrangler = async (args: readonly string[]): Promise<ChildProcess> =>
  // Its command is a process that starts this one, and leaves it running where it is killed itself.
  spawn(await newNode(), ["--no-warnings", "--import", ENDS_WITH_US, wranglerFile("wrangler-dist/cli.js"), ...args], {
    stdio: ["ignore", "inherit", "pipe", "ipc"],
    env: {
      ...process.env,
      // No calls home from a development server: request.cf stays a constant, no usage figures are sent.
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
      // It would keep the URL of every request for ever, with the key that a client has put into it.
      X_LOCAL_OBSERVABILITY: "false",
      // It would show all that Sessions store to whoever reaches the port.
      X_LOCAL_EXPLORER: "false",
      // All that it says, in the user's home, as long as it runs.
      ...(!process.env.OUTRIDER_DEBUG && { WRANGLER_WRITE_LOGS: "false" }),
    },
  });

/** A module of wrangler's process: the channel to this one breaks when this one dies, SIGKILL included. */
const ENDS_WITH_US = `data:text/javascript,${encodeURIComponent(
  'process.on("disconnect", () => process.kill(process.pid, "SIGTERM")); process.channel.unref();',
)}`;

/** A file of wrangler's, its command unless another is named, wherever the package manager has put the dependency. */
export function wranglerFile(file = "bin/wrangler.js"): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve("wrangler/package.json")), file);
  } catch (cause) {
    throw new OutriderError("no_wrangler", "wrangler, a dependency, is not installed; run `npm install` again", {
      cause,
    });
  }
}

/** Whatever else listens there would be taken for the service. Throws `port_in_use`. */
export async function checkFree(port: number, host: string): Promise<void> {
  const server = createServer();
  try {
    await once(server.listen(port, host), "listening");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new OutriderError("port_in_use", `port ${port} of ${host} is taken; give another with --port`, { cause });
  }
  await new Promise((closed) => server.close(closed));
}

/** Settings go to wrangler in a file: ORIGIN_TOKEN is a secret, and everybody can read a command line. */
function varsFile({ folder, vars, origin }: Service, host: string): string {
  return writeVars(join(folder, "vars.env"), {
    // Only who sits at this machine can ask.
    ...(["localhost", "127.0.0.1", "::1"].includes(host) && { SHOW_CACHED: "true" }),
    ...vars,
    ...(origin !== null && "url" in origin && { ORIGIN_URL: origin.url }),
  });
}

function developmentOptions({ port, folder, ...service }: Service, host: string, vars: string): string[] {
  const options = writeSettings(service, folder).flatMap((file) => ["-c", file]);
  options.push("--port", `${port}`, "--ip", host);
  // Its own banner, tables and request log are about Workers, not about models.
  if (!process.env.OUTRIDER_DEBUG) options.push("--log-level", "warn");
  // wrangler looks for it beside its settings, and users put it where they start the service.
  const files = existsSync(".dev.vars") ? [resolve(".dev.vars"), vars] : [vars];
  // What stands in the later file holds.
  return [...options, ...files.flatMap((file) => ["--env-file", file])];
}

/** True when the URL answers 200; false when the process ends before that. */
async function answers(url: string, child: ChildProcess): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return true;
    await new Promise((wait) => setTimeout(wait, 200));
  }
  return false;
}

/**
 * Runs wrangler to its end.
 * @param output `shown`: on this terminal, where it may also ask to log in; `kept`: returned
 */
export async function runWrangler(args: readonly string[], output: "shown" | "kept"): Promise<Ended> {
  const child = spawn(await newNode(), [wranglerFile(), ...args], {
    stdio: output === "shown" ? "inherit" : ["ignore", "pipe", "pipe"],
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", ...(output === "kept" && { NO_COLOR: "1" }) },
  });
  const written = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]?.setEncoding("utf8").on("data", (text: string) => (written[stream] += text));
  }
  const status = await new Promise<number>((done, reject) => {
    child.on("error", reject);
    child.on("close", (code) => done(code ?? 1));
  });
  return { status, ...written };
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}
