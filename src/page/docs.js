/** Draws openapi.json as tables: routes first, then the objects that they take and return. */

const NAME = /[^/]+$/;

const make = (tag, ...children) => {
  const element = document.createElement(tag);
  element.append(...children);
  return element;
};

const named = (tag, id, ...children) => Object.assign(make(tag, ...children), { id });

const link = (name) => Object.assign(make("a", name), { href: `#${name}` });

/** Text in which `backticks` mark code. */
const prose = (text = "") => text.split("`").map((part, i) => (i % 2 ? make("code", part) : part));

/** A schema in a few words, as nodes. */
function kind(schema) {
  if (schema.$ref) return [link(NAME.exec(schema.$ref)[0])];
  if (schema.const !== undefined) return [make("code", JSON.stringify(schema.const))];
  if (schema.enum) return schema.enum.flatMap((value, i) => [i ? " or " : "", make("code", JSON.stringify(value))]);
  if (schema.anyOf) {
    return schema.anyOf.filter(({ type }) => type !== "null").flatMap((each, i) => [i ? " or " : "", ...kind(each)]);
  }
  if (schema.type === "array") return ["array of ", ...kind(schema.items ?? {})];
  return [[schema.type ?? "any"].flat().find((type) => type !== "null") ?? "null"];
}

/** Rows of a field, and of the fields of an object that has no name of its own. */
function rows(name, schema, required) {
  const inner = schema.items?.properties ? schema.items : schema;
  const prefix = inner === schema ? name : `${name}[]`;
  return [
    [[make("code", name)], kind(schema), [required ? "required" : ""], prose(schema.description)],
    ...Object.entries(inner.properties ?? {}).flatMap(([key, value]) =>
      rows(`${prefix}.${key}`, value, inner.required?.includes(key)),
    ),
  ];
}

function table(head, body) {
  const line = (tag, cells) => make("tr", ...cells.map((cell) => make(tag, ...cell)));
  const drawn = make(
    "table",
    make("thead", line("th", head)),
    make("tbody", ...body.map((cells) => line("td", cells))),
  );
  return Object.assign(make("div", drawn), { className: "scroll" });
}

function route(method, path, { summary, description, parameters = [], requestBody, responses }) {
  const kinds = (content = {}) => Object.values(content).flatMap(({ schema }, i) => [i ? " or " : "", ...kind(schema)]);
  return [
    make("h3", make("code", `${method.toUpperCase()} ${path}`)),
    make("p", `${summary}. `, ...prose(description), ...(requestBody ? ["Body: ", ...kinds(requestBody.content)] : [])),
    ...parameters.map((each) => make("p", make("code", each.name), ` (${each.in}): `, ...prose(each.description))),
    table(
      [["status"], ["body"], ["meaning"]],
      Object.entries(responses).map(([status, each]) => [[status], kinds(each.content), prose(each.description)]),
    ),
  ];
}

const api = await (await fetch("openapi.json")).json();
const schemas = Object.entries(api.components.schemas);
document.querySelector("#contents").append(make("p", ...schemas.flatMap(([name], i) => [i ? " · " : "", link(name)])));
document.querySelector("#reference").replaceChildren(
  make("p", ...prose(api.info.description)),
  make("h2", "Routes"),
  ...Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => route(method, path, operation)),
  ),
  make("h2", "Objects"),
  ...schemas.flatMap(([name, schema]) => [
    named("h3", name, name),
    make("p", ...prose(schema.description)),
    table(
      [["field"], ["type"], [""], ["meaning"]],
      Object.entries(schema.properties ?? {}).flatMap(([key, value]) =>
        rows(key, value, schema.required?.includes(key)),
      ),
    ),
  ]),
);
// The address's fragment names an object that has only now been drawn.
document.getElementById(location.hash.slice(1))?.scrollIntoView();
