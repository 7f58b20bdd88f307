/**
 * The API as an OpenAPI 3.1 document, made from the schemas that parse requests and shape answers.
 * No Worker imports this file: making the document takes longer than an invocation may take on the Free plan. So
 * page/build.js makes a static file of it, which the edge serves, and `npm run docs:generate` writes docs/reference/api.md.
 */
import * as z from "zod";
// Its schemas are in the registry once it is loaded.
import "../openai/request-schemas.ts";
import { FIELDS, type Field } from "../openai/fields.ts";
import { type Api, paths, type Schema } from "./operations.ts";

const fieldsThatAre = (fate: Field["fate"]): string =>
  Object.entries(FIELDS)
    .filter(([, field]) => field.fate === fate)
    .map(([name]) => name)
    .join(", ");

/** The whole document, of plain data. */
export function openapi(): Api {
  // Every schema of src/edge that has an id by `meta({ id })` is in the registry.
  const { schemas } = z.toJSONSchema(z.globalRegistry, { io: "input", uri: (id) => `#/components/schemas/${id}` });
  return {
    openapi: "3.1.0",
    info: {
      title: "Outrider",
      version: "1",
      description:
        "An OpenAI-compatible API whose answers are drafted at the edge and verified by the target at its origin. " +
        `Refused with a sentence: ${fieldsThatAre("refused")}. ` +
        `Without effect, and named in a header: ${fieldsThatAre("ignored")}.`,
    },
    servers: [{ url: "/" }],
    security: [{ key: [] }, {}],
    paths,
    components: {
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "One of the deployment's keys. Without any the API is open.",
        },
      },
      // In the order of their names: that of the registry is the order in which modules were loaded.
      schemas: Object.fromEntries(
        Object.keys(schemas)
          .sort()
          .map((name) => [name, plain(schemas[name] as Schema)]),
      ),
    },
  };
}

/**
 * Without the marks of JSON Schema that a component of OpenAPI does not need, and without JavaScript's largest integer.
 */
function plain(value: Schema): Schema {
  return JSON.parse(
    JSON.stringify(value, (key, inner) =>
      key === "$schema" || key === "$id" || Math.abs(inner) === Number.MAX_SAFE_INTEGER ? undefined : inner,
    ),
  );
}
