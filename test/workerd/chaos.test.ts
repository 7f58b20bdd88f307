/**
 * 300 faults over real workerd and real gateways, of a seed that is always the same (`test/chaos`), and SIGKILLs of the
 * origin that answers. `npm run test:chaos` takes other seeds, and more.
 */
import { expect, test } from "vitest";
import { chaos } from "../chaos/chaos.ts";
import { kills } from "../chaos/kills.ts";

const FAULTS = 300;
const KILLS = 10;
/** A minute on a machine at rest. */
const MOST_MS = 900_000;

test(
  `${FAULTS} faults: the undisturbed text or one clear error, and nothing is left over`,
  async () => {
    const { faults, right, refused, failure } = await chaos(1, FAULTS, () => {});
    expect(failure).toBeNull();
    expect(faults).toBe(FAULTS);
    // Most answers come through.
    expect(right, JSON.stringify(refused)).toBeGreaterThan(FAULTS / 6);
  },
  MOST_MS,
);

test(
  `${KILLS} SIGKILLs of the origin, with a second one there: as many right texts`,
  async () => {
    expect(await kills(KILLS, () => {})).toEqual([]);
  },
  MOST_MS,
);
