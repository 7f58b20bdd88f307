/**
 * Several choices of one request: one after the other in one Session, so that the prompt they share is read once. Each
 * is an answer of its own, with a seed of its own, and counts as a request; here their bodies become one.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { errorBody } from "../api/error-response.ts";
import type { Generation } from "../prompt/generation.ts";

/** Far enough apart for any two seeds, and 0 for the first choice, which is the answer of a request for one. */
const SEED_STEP = 0x9e3779b9;

type Ask = (generation: Generation) => Promise<Response>;

/** The parts of an answer that are counted together. */
interface Ending {
  readonly usage: { readonly prompt_tokens: number; readonly completion_tokens: number; readonly total_tokens: number };
  readonly outrider: { readonly seed: number };
}

/** What `ask` answers, for each choice, as one response. Rejects with what the first choice rejects with. */
export async function askChoices(generation: Generation, ask: Ask): Promise<Response> {
  const { n, sampling } = generation;
  const of = (choice: number) =>
    ask({ ...generation, choice, sampling: { ...sampling, seed: (sampling.seed + choice * SEED_STEP) >>> 0 } });
  const first = await of(0);
  if (n === 1 || !first.ok) return first;
  return generation.stream ? streamed(first, n, of) : whole(first, n, of);
}

async function whole(first: Response, n: number, of: (choice: number) => Promise<Response>): Promise<Response> {
  const answers = [partsOf(await first.text())];
  for (let choice = 1; choice < n; choice++) {
    const response = await of(choice);
    if (!response.ok) return response;
    answers.push(partsOf(await response.text()));
  }
  const endings = answers.map(({ ending }) => ending);
  const [{ before }] = answers as [Parts];
  const end = `],${JSON.stringify({ ...endings[0], ...together(endings) }).slice(1)}`;
  const texts = answers.map(({ choice }, at) => (at === 0 ? before : ",") + choice).values();
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value } = texts.next();
      controller.enqueue(encoder.encode(value ?? end));
      if (value === undefined) controller.close();
    },
  });
  return new Response(body, first);
}

/** The text of an answer: what stands before its choice, the choice, and what stands behind it. */
interface Parts {
  readonly before: string;
  readonly choice: string;
  readonly ending: Ending;
}

/** With no backslash before a quotation mark, these stand in no text of an answer. */
const [BEGINS, ENDS] = ['"choices":[', '],"usage":'];

/** A choice with log probabilities has megabytes, which as objects would take ten times the room: it stays text. */
function partsOf(answer: string): Parts {
  const from = answer.indexOf(BEGINS) + BEGINS.length;
  const to = answer.lastIndexOf(ENDS);
  const ending = JSON.parse(`{${answer.slice(to + "],".length)}`) as Ending;
  return { before: answer.slice(0, from), choice: answer.slice(from, to), ending };
}

/** Usage and seeds of all: the prompt counts once. */
function together(endings: readonly Ending[]) {
  const [first] = endings as [Ending];
  const completion = endings.reduce((sum, { usage }) => sum + usage.completion_tokens, 0);
  const { prompt_tokens: prompt } = first.usage;
  return {
    usage: { ...first.usage, completion_tokens: completion, total_tokens: prompt + completion },
    outrider: { ...first.outrider, seeds: endings.map(({ outrider }) => outrider.seed) },
  };
}

/** The event that ends a stream, and what tells the chunk of usage alone. */
const DONE = "data: [DONE]\n\n";
const USAGE_ALONE = '"choices":[]';

function streamed(first: Response, n: number, of: (choice: number) => Promise<Response>): Response {
  const encoder = new TextEncoder();
  const event = (json: unknown) => encoder.encode(`data: ${JSON.stringify(json)}\n\n`);
  let under: ReadableStreamDefaultReader<Uint8Array> | null = null;
  let left = false;
  async function* events(): AsyncGenerator<Uint8Array> {
    const endings: Ending[] = [];
    for (let choice = 0; choice < n && !left; choice++) {
      const response = choice === 0 ? first : await of(choice);
      if (!response.ok) {
        yield event(await response.json());
        return;
      }
      under = response.body!.getReader();
      for await (const text of split(under)) {
        if (text === DONE) break;
        if (text.includes(USAGE_ALONE)) endings.push(JSON.parse(text.slice("data: ".length)) as Ending);
        else yield encoder.encode(text);
        // An error has ended the stream; there is no next choice.
        if (text.startsWith('data: {"error"')) return;
      }
    }
    if (endings.length > 0) yield event({ ...endings[0], ...together(endings) });
    yield encoder.encode(DONE);
  }
  const all = events();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await all.next();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        controller.enqueue(event(errorBody(error instanceof OutriderError ? error : null)));
        controller.close();
      }
    },
    async cancel() {
      left = true;
      await under?.cancel();
    },
  });
  return new Response(body, first);
}

/** Server-sent events, each with the empty line behind it. */
async function* split(reader: ReadableStreamDefaultReader<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for (;;) {
    const { done, value } = await reader.read();
    held += decoder.decode(value, { stream: !done });
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      yield held.slice(0, end + 2);
      held = held.slice(end + 2);
    }
    if (done) return;
  }
}
