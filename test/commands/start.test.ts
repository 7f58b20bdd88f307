/** What `outrider start` finds in the folder of its port before it serves. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startCommand } from "../../src/tools/commands/start.ts";
import { stateFolder } from "../../src/tools/service/work-folder.ts";
import { freePort } from "../support/service.ts";

let home: string;
let port: number;
const before = process.cwd();
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "outrider-start-"));
  process.chdir(home);
  port = await freePort();
});
afterEach(() => {
  process.chdir(before);
  rmSync(home, { recursive: true, force: true });
});

/** Ends it before it serves. */
const REFUSED = ["--target", "missing.gguf"];

/** Starts a service, which is refused. Returns why, and what it said on its way. */
async function refused(...argv: string[]) {
  const said: string[] = [];
  const spy = vi.spyOn(console, "error").mockImplementation((line) => void said.push(line));
  const error: Error = await startCommand.run([...REFUSED, "--port", `${port}`, ...argv]).catch((reason) => reason);
  spy.mockRestore();
  return { message: error.message, said };
}

test("a second service in one folder is refused, and hears who has it", async () => {
  const folder = join(home, ".outrider", `${port}`);
  mkdirSync(folder, { recursive: true });
  // Any process that lives.
  writeFileSync(join(folder, "lock"), `${process.ppid}\n\nserves at http://127.0.0.2:${port} from ${folder}`);
  expect((await refused("--host", "127.0.0.1")).message).toBe(
    `process ${process.ppid} serves at http://127.0.0.2:${port} from ${folder}; stop it, or give this one another ` +
      "port with --port",
  );
  expect(readdirSync(folder)).toEqual(["lock"]);
});

test("one that is refused for another reason leaves nothing behind", async () => {
  expect((await refused()).message).toContain("missing.gguf");
  expect(readdirSync(home)).toEqual([]);
});

test("a damaged store is put aside before anything else, with a line", async () => {
  const sessions = join(stateFolder(join(home, ".outrider", `${port}`)), "do/outrider-Session");
  mkdirSync(sessions, { recursive: true });
  writeFileSync(join(sessions, "one.sqlite"), "not a database, and longer than a header of one".repeat(9));
  const { said } = await refused();
  expect(said.join("\n")).toMatch(
    /^damaged stores were put aside and begin anew: a conversation; they lie in \.outrider/,
  );
  expect(readdirSync(sessions)).toEqual([]);
});
