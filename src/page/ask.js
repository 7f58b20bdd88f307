/** A request to the edge, and what goes wrong with it in words for whoever asked. */
import { readEvents } from "./events.js";
import { authorization } from "./settings.js";

/** Something that a person can read, and perhaps do something about. */
export class Refusal extends Error {
  /** Whether the field for the API key is what helps. */
  wantsKey = false;
}

/** The events of a streamed answer. Throws `Refusal`, or an `AbortError` where it was stopped. */
export async function* ask(body, conversation, signal) {
  const response = await reach("/v1/chat/completions", {
    method: "POST",
    signal,
    headers: { "content-type": "application/json", "x-session-affinity": conversation, ...authorization() },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw await refusalOf(response);
  try {
    yield* readEvents(response.body);
  } catch (error) {
    throw signal.aborted ? signal.reason : new Refusal(sentence(error.message));
  }
}

/** The id of the model that is served; undefined where nobody says. */
export async function servedModel() {
  const response = await reach("/v1/models", { headers: authorization() }).catch(() => null);
  return response?.ok ? (await response.json()).data[0]?.id : undefined;
}

async function reach(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal("The edge cannot be reached. Check that it is running and that you are online, then try again.");
  }
}

async function refusalOf(response) {
  const said = (await response.json().catch(() => null))?.error?.message;
  if (response.status === 401) {
    const refusal = new Refusal("This edge asks for an API key, or does not know the one that you gave.");
    return Object.assign(refusal, { wantsKey: true });
  }
  const after = response.headers.get("retry-after");
  const later = after ? ` Try again in ${after} s.` : "";
  return new Refusal(`${sentence(said ?? `the edge answered with status ${response.status}`)}${later}`);
}

/** A sentence of the API, which begins small and ends bare. */
const sentence = (text) => `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
