/**
 * Lists of token ids in bodies: the only lists that may be as long as a body. zod would take as long for each id as the
 * runtime takes to read fifty of them.
 */
import * as z from "zod";

/** Token ids of one request: more than any context has. */
export const MAX_IDS = 1 << 18;
const LARGEST = 0xffffffff;

/** What is wrong with a list of ids, the first thing only. */
const checkIds: z.core.CheckFn<unknown> = ({ value: input, issues }) => {
  if (!Array.isArray(input)) {
    issues.push({ code: "invalid_type", expected: "array", input, continue: false });
  } else if (input.length > MAX_IDS) {
    issues.push({ code: "too_big", origin: "array", maximum: MAX_IDS, inclusive: true, input, continue: true });
  } else {
    const at = input.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id <= LARGEST));
    const id = input[at];
    const place = { path: [at], input: id };
    if (at < 0) return;
    if (!Number.isInteger(id)) issues.push({ code: "invalid_type", expected: "int", ...place, continue: false });
    else if (id < 0) issues.push({ code: "too_small", origin: "number", minimum: 0, ...place, continue: true });
    else issues.push({ code: "too_big", origin: "number", maximum: LARGEST, ...place, continue: true });
  }
};

export const idsSchema = z
  .any()
  .check(checkIds)
  .meta({ type: "array", maxItems: MAX_IDS, items: { type: "integer", minimum: 0, maximum: LARGEST } }) as z.ZodType<
  number[]
>;
