/** A disk in memory that a test fills. Linux lets root mount one. */
import { execFileSync } from "node:child_process";
import { mkdirSync, statfsSync } from "node:fs";

/** More than any run stores. */
const ROOM_BYTES = 2 ** 30;

/** While others write to it. */
const MOST_TRIES = 50;

export interface SmallDisk {
  /** Leaves no byte beside what it holds, or gives all room back. Returns true. */
  fill(full: boolean): boolean;
  close(): void;
}

/** At a folder that is not there yet. Null where this process may not mount. */
export function smallDisk(folder: string): SmallDisk | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return null;
  mkdirSync(folder);
  const mount = (options: string) =>
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "none", folder], { stdio: "pipe" });
  try {
    mount(`size=${ROOM_BYTES}`);
  } catch {
    // A container whose root may not.
    return null;
  }
  return {
    fill: (full) => {
      for (let tries = 1; ; tries++) {
        const { bsize, blocks, bfree } = statfsSync(folder);
        try {
          mount(`remount,size=${full ? (blocks - bfree) * bsize : ROOM_BYTES}`);
          return true;
        } catch (error) {
          // Something was written between the look and the mount.
          if (tries === MOST_TRIES) throw error;
        }
      }
    },
    close: () => execFileSync("umount", ["-l", folder]),
  };
}
