/** The package in the hands of somebody who has nothing else: packed, installed into an empty folder, started there. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { PACKAGE } from "../../src/core/platform/places.ts";
import { readEvents } from "../support/events.ts";
import { started } from "../support/process.ts";
import { freePort } from "../support/service.ts";

export interface Tarball {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

export class Stranger {
  readonly home = mkdtempSync(join(tmpdir(), "outrider-package-"));
  /** The folder that was empty. */
  readonly app = join(this.home, "app");
  readonly #env: NodeJS.ProcessEnv;

  /** @param cache where models are kept; a folder that is empty unless given */
  constructor(cache = join(this.home, "cache")) {
    mkdirSync(this.app);
    writeFileSync(join(this.app, "package.json"), JSON.stringify({ name: "app", type: "module", private: true }));
    // Without the binaries of this repository, which npm puts first.
    const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
    this.#env = { ...process.env, PATH: folders.join(delimiter), OUTRIDER_CACHE: cache, NO_COLOR: "1" };
  }

  /** Runs a program to its end and returns what it wrote to stdout. Rejects when it fails. */
  async run(command: string, args: readonly string[], cwd = this.app): Promise<string> {
    return (await promisify(execFile)(command, args, { cwd, env: this.#env, maxBuffer: 1 << 24 })).stdout;
  }

  async pack(): Promise<Tarball> {
    const said = await this.run("npm", ["pack", "--json", "--pack-destination", this.home], PACKAGE);
    return JSON.parse(said.slice(said.indexOf("[\n")))[0] as Tarball;
  }

  /** Installs the tarball, and further packages from the registry. */
  async install(tarball: Tarball, ...others: string[]): Promise<void> {
    const options = ["--prefer-offline", "--no-audit", "--no-fund"];
    await this.run("npm", ["install", ...options, join(this.home, tarball.filename), ...others]);
  }

  /** `npx outrider start` with further options, until it answers. Rejects with its output when it does not. */
  async start(options: readonly string[], ms: number): Promise<{ url: string; stop: () => Promise<void> }> {
    const port = `${await freePort()}`;
    const args = ["outrider", "start", "--port", port, ...options];
    return started(`http://localhost:${port}`, "npx", args, { cwd: this.app, env: this.#env }, ms);
  }

  /** Removes all of it. */
  leave(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

/**
 * The answer to a question, in the pieces in which it is streamed. Throws what the service answers if that is no
 * stream.
 */
export async function* streamed(url: string, model: string, question: string, most: number): AsyncGenerator<string> {
  const messages = [{ role: "user", content: question }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model, messages, stream: true, temperature: 0, max_tokens: most }),
  });
  if (!response.ok || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  for await (const event of readEvents(response.body)) {
    const { choices } = event as { choices?: [{ delta: { content?: string } }?] };
    if (choices?.[0]?.delta.content) yield choices[0].delta.content;
  }
}
