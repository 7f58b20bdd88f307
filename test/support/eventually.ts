/** Waiting for what other tasks bring about, however busy the machine is. */
import { vi } from "vitest";

/** Far longer than it takes on a machine at rest; vitest's own second is not enough on a busy one. */
const MOST_MS = 300_000;

/** Calls `check` every 5 ms until it neither throws nor rejects; then fails as its last call did. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: MOST_MS, interval: 5 });
