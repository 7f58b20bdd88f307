/**
 * Servers as child processes, each at the head of a process group of its own: waiting until they answer, ending them.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

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
