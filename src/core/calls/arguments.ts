/** The schema that the arguments of a call must have. */
import type { ConstraintSource } from "../grammar/source.ts";
import type { Tool } from "./family.ts";

/** Keywords beside which it is not plain what `properties` leaves open. */
const OTHERS = ["allOf", "anyOf", "oneOf", "not", "if", "$ref", "patternProperties", "additionalProperties"];

/**
 * An object, always. A tool without parameters takes none; one that names properties takes no others unless it says
 * so: every object that is written so is one of its schema's.
 */
export function argumentsSchema({ parameters }: Pick<Tool, "parameters">): Readonly<Record<string, unknown>> {
  if (!parameters) return { type: "object", properties: {}, additionalProperties: false };
  const closed = parameters.properties !== undefined && !OTHERS.some((keyword) => Object.hasOwn(parameters, keyword));
  return { type: "object", ...parameters, ...(closed && { additionalProperties: false }) };
}

export const argumentsOf = (tool: Tool): ConstraintSource => ({ kind: "schema", schema: argumentsSchema(tool) });
