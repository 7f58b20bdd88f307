/** Files that one process at a time may write, or folders that one at a time may use. A lock says who holds it. */
import { readFileSync } from "node:fs";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { OutriderError } from "../model/errors.ts";

/** A lock without a word is one that is being written, or that was cut off there. */
const WRITTEN_MS = 100;

const textOf = (file: string): Promise<string> => readFile(file, "utf8").catch(() => "");

/**
 * Takes the lock and returns what gives it back. A lock whose process has died is taken over.
 * @param doing what the process that holds the lock does, in words that others will read: "is fetching this file"
 * @param next what they may do then
 * @throws `busy` while another process that lives holds the lock
 */
export async function lock(
  file: string,
  doing: string,
  next = "wait for it, or stop it",
): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await writeFile(file, [process.pid, beganAt(process.pid), doing].join("\n"), { flag: "wx" });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const text = (await textOf(file)) || (await setTimeout(WRITTEN_MS, file).then(textOf));
    const [pid, began, said = doing] = text.split("\n");
    const owner = Number(pid);
    if (owner > 0 && owner !== process.pid && alive(owner) && isSame(began, beganAt(owner))) {
      throw new OutriderError("busy", `process ${owner} ${said}; ${next}`);
    }
    await remove(file, text);
  }
}

/** Removes the lock of a dead process, unless another has taken it over meanwhile. */
async function remove(file: string, text: string): Promise<void> {
  const aside = `${file}.${process.pid}`;
  const moved = await rename(file, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  // A lock that was taken between our look and our move goes back to where it was.
  if ((await textOf(aside)) !== text) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * When a process began, in a form that is its own; "" where the system does not say, null where it has ended and only
 * whoever started it has not looked yet.
 */
function beganAt(pid: number): string | null {
  try {
    // Fields of proc(5) from the third on, counted from behind the name, which may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : (fields[19] ?? "");
  } catch {
    return "";
  }
}

/** Numbers of processes come again, in containers often. What nobody knows makes no difference. */
const isSame = (recorded: string | undefined, now: string | null): boolean =>
  now !== null && (!recorded || now === "" || recorded === now);
