/** Windows as the text of a calibration. */
import type { CalibrationText } from "../../src/compress/calibrate/calibrator.ts";
import type { TargetAnswer } from "../../src/compress/target-text.ts";

export const textOf = (windows: readonly number[][], answered: readonly TargetAnswer[] = []): CalibrationText => ({
  windows,
  answered,
  tokens: async () => windows.flat(),
});
