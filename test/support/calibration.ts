/** Windows as the text of a calibration. */
import type { CalibrationText } from "../../src/calibrate/calibrator.ts";
import type { TargetAnswer } from "../../src/text/target-text.ts";

export const textOf = (windows: readonly number[][], answered: readonly TargetAnswer[] = []): CalibrationText => ({
  windows,
  answered,
  tokens: async () => windows.flat(),
});
