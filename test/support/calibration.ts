/** Windows as the text of a calibration. */
import type { CalibrationData } from "../../src/tools/compress/calibrate/calibrator.ts";
import type { TargetAnswer } from "../../src/tools/text/target-text.ts";

export const textOf = (windows: readonly number[][], answered: readonly TargetAnswer[] = []): CalibrationData => ({
  windows,
  answered,
  tokens: windows.flat(),
});
