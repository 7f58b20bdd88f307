/**
 * The edge without masked drafts, which there is for comparison alone: a copy of the sources where a turn drafts as if
 * its answer had no form.
 */
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE } from "../../src/core/platform/places.ts";

const COPY = join(PACKAGE, ".cache/unmasked");

const TURN = "src/edge/session/turn.ts";
/** What a turn says of the form to its drafters, and what it says then. */
const CHANGES = [
  ["{ stop }, this.#following ? [this.#following] : []", "{ stop }"],
  ["if (!drafter || !this.#following) return drafter;", "if (drafter !== undefined) return drafter;"],
] as const;

/** Path of its main module. Throws where a turn is written in other words than these. */
export function unmaskedEdge(): string {
  rmSync(COPY, { recursive: true, force: true });
  cpSync(join(PACKAGE, "src"), join(COPY, "src"), { recursive: true });
  const turn = CHANGES.reduce(
    (text, [from, to]) => {
      if (text.split(from).length !== 2) throw new Error(`${TURN} has not exactly one ${JSON.stringify(from)}`);
      return text.replace(from, to);
    },
    readFileSync(join(COPY, TURN), "utf8"),
  );
  writeFileSync(join(COPY, TURN), turn);
  // Where the kernels are, as seen from the sources.
  symlinkSync(join(PACKAGE, "dist"), join(COPY, "dist"));
  return join(COPY, "src/edge/door/worker.ts");
}
