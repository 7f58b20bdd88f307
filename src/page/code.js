/** A request as code that a person may run: curl, and OpenAI's SDKs. */

/** Fields that OpenAI's Python SDK has no name for. */
const EXTRA = new Set(["top_k", "min_p", "repetition_penalty", "outrider"]);

const json = (value) => JSON.stringify(value, null, 2);

/** JSON with the words that Python has for it. */
function python(value, indent = "") {
  const inner = `${indent}    `;
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const rows = Object.entries(value).map(
    ([key, each]) => `${inner}${Array.isArray(value) ? "" : `${JSON.stringify(key)}: `}${python(each, inner)},\n`,
  );
  return `${open}\n${rows.join("")}${indent}${close}`;
}

function curl(base, body, keyed) {
  const authorization = keyed ? ` \\\n  -H "authorization: Bearer $OUTRIDER_API_KEY"` : "";
  return `curl -N ${base}/chat/completions \\
  -H 'content-type: application/json'${authorization} \\
  --data-binary @- <<'JSON'
${json(body)}
JSON`;
}

function javascript(base, body, keyed) {
  return `import OpenAI from "openai";

const client = new OpenAI({
  baseURL: ${JSON.stringify(base)},
  apiKey: ${keyed ? "process.env.OUTRIDER_API_KEY" : '"none"'},
});
const stream = await client.chat.completions.create(${json(body)});
for await (const chunk of stream) process.stdout.write(chunk.choices[0]?.delta.content ?? "");`;
}

function pythonic(base, body, keyed) {
  const named = Object.entries(body).filter(([field]) => !EXTRA.has(field));
  const extra = Object.fromEntries(Object.entries(body).filter(([field]) => EXTRA.has(field)));
  const rest = Object.keys(extra).length > 0 ? [["extra_body", extra]] : [];
  const given = [...named, ...rest].map(([field, value]) => `    ${field}=${python(value, "    ")},\n`);
  return `${keyed ? "import os\n\n" : ""}from openai import OpenAI

client = OpenAI(base_url=${JSON.stringify(base)}, api_key=${keyed ? 'os.environ["OUTRIDER_API_KEY"]' : '"none"'})
stream = client.chat.completions.create(
${given.join("")})
for chunk in stream:
    if chunk.choices:
        print(chunk.choices[0].delta.content or "", end="", flush=True)`;
}

/** Name → text of the same request. */
export const codes = (base, body, keyed) => ({
  curl: curl(base, body, keyed),
  JavaScript: javascript(base, body, keyed),
  Python: pythonic(base, body, keyed),
});
