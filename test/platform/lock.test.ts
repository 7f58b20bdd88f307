/** A lock, against processes that live, that have died, and that only have a dead one's number. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { lock } from "../../src/core/platform/lock.ts";

const home = mkdtempSync(join(tmpdir(), "outrider-lock-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));
const file = join(home, "lock");
let holder: ChildProcess | undefined;
afterEach(() => {
  holder?.kill("SIGKILL");
  rmSync(file, { force: true });
});

/** Another process that has taken the lock. */
async function held(doing: string): Promise<ChildProcess> {
  const module = JSON.stringify(join(import.meta.dirname, "../../src/core/platform/lock.ts"));
  const program = `const { lock } = await import(${module});
    await lock(${JSON.stringify(file)}, ${JSON.stringify(doing)});
    console.log("held");
    setInterval(() => {}, 1000);`;
  holder = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout!, "data");
  return holder;
}

test("says who holds it, in that one's words, and what to do", async () => {
  const { pid } = await held("serves at http://127.0.0.2:1");
  await expect(lock(file, "serves at http://localhost:1", "stop it")).rejects.toMatchObject({
    code: "busy",
    message: `process ${pid} serves at http://127.0.0.2:1; stop it`,
  });
});

test("is taken over from a process that was killed, and given back", async () => {
  const child = await held("is at work");
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
  const release = await lock(file, "goes on");
  expect(readFileSync(file, "utf8").split("\n")).toEqual([`${process.pid}`, expect.any(String), "goes on"]);
  await release();
  expect(readdirSync(home)).toEqual([]);
});

test.each([
  ["is empty: whoever took it died there", ""],
  ["holds no number", "what is this?"],
])("is taken where it %s", async (_, text) => {
  writeFileSync(file, text);
  await (await lock(file, "goes on"))();
  expect(existsSync(file)).toBe(false);
});

test("of an earlier version, which wrote the number alone, holds", async () => {
  const { pid } = await held("is at work");
  writeFileSync(file, `${pid}`);
  await expect(lock(file, "is fetching")).rejects.toThrow(`process ${pid} is fetching; wait for it, or stop it`);
});

test.skipIf(process.platform !== "linux")("is none of a process that only has the dead one's number", async () => {
  const { pid } = await held("is at work");
  const [, began, doing] = readFileSync(file, "utf8").split("\n");
  expect(began).toMatch(/^\d+$/);
  writeFileSync(file, [pid, Number(began) - 1, doing].join("\n"));
  await (await lock(file, "goes on"))();
});

test.skipIf(process.platform !== "linux")("is none of a process that has ended unseen", async () => {
  // What was a shell never asks for the end of what the shell had started.
  holder = spawn("sh", ["-c", "sleep 0.3 & echo $!; exec sleep 600"], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = Number(await once(holder.stdout!, "data"));
  await expect.poll(() => readFileSync(`/proc/${pid}/stat`, "utf8")).toContain(") Z ");
  expect(process.kill(pid, 0)).toBe(true);
  writeFileSync(file, `${pid}\n\nis at work`);
  await (await lock(file, "goes on"))();
});
