/**
 * Storage that fails under an object: a disk that is full, a damaged SQLite file, a limit of the account's plan. All
 * that a Session stores can be had without it, so answers go on and say that nothing of them is kept, and a Meter's
 * counts go on in memory (metering.ts). Before the first byte a turn is asked again, of what is left. Its seed is known,
 * so the text is the same.
 */
import { OutriderError } from "../../core/model/errors.ts";
import type { Outcome } from "../api/outcome.ts";

/**
 * Whether the runtime reset an object, or could not start it, because of what it stores. There is no other sign of it
 * than the runtime's words: SQLite's name of the error, a limit on rows, or of an object that did not start nothing but
 * "internal error; reference = …".
 */
export const isStorageFailure = (error: unknown): boolean =>
  !(error instanceof OutriderError) && /SQLITE_|^internal error|storage|rows (read|written)/i.test(messageOf(error));

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** An operator reads it once, however many answers follow. */
const TELL_EVERY_MS = 10 * 60_000;
/** When what was told last. */
const told = new Map<string, number>();

/** Tells the operator, unless that was told shortly before. */
export function tellStorageFailure(what: string, error: unknown): void {
  const now = Date.now();
  if (Math.abs(now - (told.get(what) ?? -Infinity)) < TELL_EVERY_MS) return;
  told.set(what, now);
  console.error(
    `the storage fails (${messageOf(error)}): ${what}. Look for room on the disk, or for a limit of the plan; ` +
      "`outrider start` puts damaged stores aside when it begins",
  );
}

/**
 * Who is asked: the Session's object; the same, told to store nothing, since it may still be read; a Session without an
 * object (sessions.ts).
 */
export type Way = "stored" | "unstored" | "here";

/** Asks one after the other until the storage stands in the way no more. */
export async function askAnyway<T>(ask: (way: Way) => Promise<T>): Promise<T> {
  try {
    return await ask("stored");
  } catch (error) {
    if (!isStorageFailure(error)) throw error;
    tellStorageFailure("answers go on, and nothing of them is stored", error);
    return ask("unstored").catch((again) => (isStorageFailure(again) ? ask("here") : Promise.reject(again)));
  }
}

/** An answer says that nothing of it is kept. */
export const unstoredOutcome = (outcome: Outcome): Outcome => ({
  ...outcome,
  account: { ...outcome.account, unstored: true },
});

/**
 * The answer where nothing can be done without what is stored.
 * @param so what cannot be done therefore, and what the client may do
 */
export const storageFailed = (so: string, cause?: unknown): OutriderError =>
  new OutriderError("storage_failed", `the storage of this service fails, so ${so}`, {
    status: 503,
    retryable: true,
    cause,
  });

/** What `work` gives. Where the storage fails it throws `storage_failed` instead, which says so. */
export async function fromStorage<T>(work: () => Promise<T>, so: string): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isStorageFailure(error)) throw error;
    tellStorageFailure(so, error);
    throw storageFailed(`${so}; try again later`, error);
  }
}
