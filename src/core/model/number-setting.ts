/** Settings that are numbers, which a Worker may have as texts. */
import { OutriderError } from "./errors.ts";

/**
 * The value of a setting, or `usual` where it is not set. Throws `bad_setting` (500) with `rule`, what the value must
 * be.
 */
export function numberSetting<T>(
  name: string,
  given: number | string | undefined,
  usual: T,
  accepts: (value: number) => boolean,
  rule: string,
): number | T {
  if (given === undefined || given === "") return usual;
  const value = Number(given);
  if (accepts(value)) return value;
  throw new OutriderError("bad_setting", `${name} is "${given}"; ${rule}`, { status: 500 });
}
