/** Files that one process at a time may write. */
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { OutriderError } from "../model/errors.ts";

/**
 * Takes the lock and returns what gives it back. A lock whose process has died is taken over.
 * @param doing what the process that holds the lock does, in words: "is fetching this file"
 * @throws `busy` while another process that lives holds the lock
 */
export async function lock(file: string, doing: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(file, `${process.pid}`, { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = Number(readFileSync(file, "utf8"));
    if (owner !== process.pid && alive(owner)) {
      throw new OutriderError("busy", `process ${owner} ${doing}; wait for it, or stop it`);
    }
    await rm(file, { force: true });
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
