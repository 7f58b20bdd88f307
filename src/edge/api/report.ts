import { OutriderError } from "../../core/model/errors.ts";

/** Errors that nobody foresaw go to the log; the others are the client's to read. */
export function report(id: string, error: unknown): void {
  if (!(error instanceof OutriderError)) console.error(id, error);
}
