/**
 * Servers as child processes, each at the head of a process group of its own: waiting until they answer, ending them.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

export interface Started {
  readonly url: string;
  readonly child: ChildProcess;
  /** The end of what it has written so far. */
  said(): string;
  stop(): Promise<void>;
}

/** Starts a server in a group of its own. Rejects with what it wrote when its /health is not 200 within `ms`. */
export async function started(
  url: string,
  command: string,
  args: readonly string[],
  { cwd, env }: Pick<SpawnOptions, "cwd" | "env">,
  ms = 600_000,
): Promise<Started> {
  const child = spawn(command, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-20_000);
    });
  }
  const stop = (): Promise<void> => endGroup(child);
  if (await answers(`${url}/health`, child, ms)) return { url, child, said: () => said, stop };
  await stop();
  throw new Error(`${url}/health did not answer 200; the process said:\n${said}`);
}

/** Whether the URL answers 2xx within `ms`; false at once when the process ends. */
export async function answers(url: string, child: ChildProcess, ms: number): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline && child.exitCode === null) {
    const ok = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (ok) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

/** Sends a signal to the whole group. */
export const signalGroup = (child: ChildProcess, name: NodeJS.Signals): boolean => process.kill(-child.pid!, name);

/**
 * Lets the group use a core only as far as other process groups leave it, where Linux schedules by session (autogroup);
 * elsewhere nothing changes.
 */
export function giveWay(child: ChildProcess): void {
  const file = `/proc/${child.pid}/autogroup`;
  if (existsSync(file)) writeFileSync(file, "19");
}

/** Ends the whole group, by force after `graceMs`. */
export async function endGroup(child: ChildProcess, graceMs = 5_000): Promise<void> {
  const { pid } = child;
  if (child.exitCode !== null || child.signalCode !== null || pid === undefined) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-pid, "SIGTERM");
  const kill = setTimeout(() => process.kill(-pid, "SIGKILL"), graceMs);
  await gone;
  clearTimeout(kill);
}
