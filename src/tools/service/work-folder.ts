/**
 * The folder of a service on this machine, while the service has it: this user's alone, since what clients said and
 * were answered is stored in it, and one service's at a time, since a second one would write into the same storage.
 */
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { lock } from "../../core/platform/lock.ts";

/** What belongs to the user who starts the service. */
const PRIVATE = 0o700;

/** Below the folder: what wrangler keeps for the Workers. */
export const stateFolder = (folder: string): string => join(folder, "edge/.wrangler/state/v3");

/**
 * Takes the folder, which is made if it is not there, until it is disposed of.
 * @param address of the service, for others to read
 * @throws `busy` while another process that lives has it
 */
export async function holdFolder(folder: string, address: string): Promise<AsyncDisposable> {
  mkdirSync(folder, { recursive: true, mode: PRIVATE });
  // One that an earlier version has made.
  chmodSync(folder, PRIVATE);
  const release = await lock(
    join(folder, "lock"),
    `serves at ${address} from ${folder}`,
    "stop it, or give this one another port with --port",
  );
  // Traces of requests, with keys in their URLs: wrangler kept them before it was told not to.
  rmSync(join(stateFolder(folder), "observability"), { recursive: true, force: true });
  return {
    [Symbol.asyncDispose]: async () => {
      await release();
      // A start that was refused leaves nothing behind. What is not empty stays.
      for (const each of [folder, dirname(folder)]) await rmdir(each).catch(() => {});
    },
  };
}
