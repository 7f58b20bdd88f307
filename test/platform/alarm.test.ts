/** Waits in fractions of a millisecond: never too short, one after the other, and none that is past. */
import { expect, test } from "vitest";
import { Alarm, steadyMs } from "../../src/core/platform/alarm.ts";

test("rings at its time or later, in order, and at once for a time that is past", async () => {
  const alarm = new Alarm();
  for (const ms of [0.3, 2.5, 0.1, 7.25]) {
    const until = steadyMs() + ms;
    await alarm.at(until);
    expect(steadyMs()).toBeGreaterThanOrEqual(until);
  }
  await alarm.at(steadyMs() - 5);
  await alarm.at(0);
  await alarm.close();
});
