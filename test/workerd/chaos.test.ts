/**
 * Real gateways that are killed in the middle of an answer, before a real edge (`test/chaos`). `npm run suite chaos`
 * does much more to them.
 */
import { expect, test } from "vitest";
import { kills } from "../chaos/kills.ts";

const KILLS = 10;
/** Some seconds on a machine at rest, most of them for gateways to start. */
const MOST_MS = 900_000;

test(
  `${KILLS} SIGKILLs of the origin that answers, with a second one there: as many right texts`,
  async () => {
    expect(await kills(KILLS, null, () => {})).toEqual([]);
  },
  MOST_MS,
);
