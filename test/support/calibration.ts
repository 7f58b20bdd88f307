/** Windows as the text of a calibration. */
import type { CalibrationData } from "../../src/calibrate/calibrator.ts";
import type { TargetAnswer } from "../../src/text/target-text.ts";

export const textOf = (windows: readonly number[][], answered: readonly TargetAnswer[] = []): CalibrationData => ({
  windows,
  answered,
  tokens: windows.flat(),
});
