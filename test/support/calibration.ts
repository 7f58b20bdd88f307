/** Windows as the text of a calibration. */
import type { AnsweredText } from "../../src/compress/answers.ts";
import type { CalibrationText } from "../../src/compress/calibrate/calibrator.ts";

export const textOf = (windows: readonly number[][], answered: readonly AnsweredText[] = []): CalibrationText => ({
  windows,
  answered,
  tokens: async () => windows.flat(),
});
