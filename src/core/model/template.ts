/**
 * A chat template with an end. A model's file brings the template along, and it runs in the Session: one that loops or
 * grows without a bound would stop every conversation of its isolate. So each step is counted, lists count for their
 * length, and no text may grow far beyond the messages.
 */
import { Environment, Interpreter, Template } from "@huggingface/jinja";

/**
 * Steps that any template may take, and further ones for each message. Published templates take 20 to 200 a message.
 */
const STEPS = 50_000;
const STEPS_A_MESSAGE = 500;
/** Characters that a template may make on its own, and further ones for each character that it is given. */
const CHARS = 1 << 20;
const CHARS_A_CHAR = 8;

/** What a template is given: messages, and texts by name. */
interface Given {
  readonly messages: readonly Readonly<Record<string, unknown>>[];
  readonly [name: string]: unknown;
}

interface Node {
  readonly type: string;
}

/** As the library's files declare it; its declarations are not found from the package's main one. */
const Steps = Interpreter as unknown as new (
  environment: unknown,
) => {
  run(program: unknown): { readonly value: unknown };
  evaluate(node: Node | undefined, environment: unknown): { readonly value: unknown };
};

export class BoundedTemplate {
  readonly #program: Template["parsed"];

  /** Throws an Error with the library's words where the text is no template. */
  constructor(source: string) {
    this.#program = new Template(source).parsed;
  }

  /** Throws an Error: what the template raises, or which limit it has met. */
  render(given: Given): string {
    const { messages, tools = [] } = given;
    const chars = JSON.stringify([messages, tools]).length;
    const environment = new Environment();
    for (const [name, value] of Object.entries({ ...GLOBALS, ...given })) environment.set(name, value);
    const steps = STEPS + STEPS_A_MESSAGE * messages.length;
    const interpreter = new Counting(environment, steps, CHARS + CHARS_A_CHAR * chars);
    const { value } = interpreter.run(this.#program);
    return value as string;
  }
}

class Counting extends Steps {
  readonly #steps: number;
  readonly #chars: number;
  #taken = 0;
  /** What `for` runs over. */
  readonly #lists = new Set<Node>();

  constructor(environment: unknown, steps: number, chars: number) {
    super(environment);
    this.#steps = steps;
    this.#chars = chars;
  }

  override evaluate(node: Node | undefined, environment: unknown): { readonly value: unknown } {
    this.#take(1);
    if (node?.type === "For") this.#lists.add(listOf(node));
    const result = super.evaluate(node, environment);
    const { value } = result;
    if (typeof value === "string") {
      if (value.length > this.#chars) throw new Error(`it makes a text of more than ${this.#chars} characters`);
    } else if (Array.isArray(value) && (node?.type !== "Identifier" || this.#lists.has(node))) {
      this.#take(value.length);
    }
    return result;
  }

  #take(steps: number): void {
    this.#taken += steps;
    if (this.#taken > this.#steps) throw new Error(`it takes more than ${this.#steps} steps`);
  }
}

/** `for x in list if test` has the list one level down. */
function listOf(loop: Node): Node {
  const { iterable } = loop as Node & { iterable: Node & { lhs: Node } };
  return iterable.type === "SelectExpression" ? iterable.lhs : iterable;
}

/** No list is longer than the steps that any template may take. */
function range(...given: number[]): number[] {
  const [from, to, step = 1] = given.length > 1 ? given : [0, ...given];
  const length = Math.max(0, Math.ceil((to! - from!) / step));
  if (!(length <= STEPS)) throw new Error(`range(${given.join(", ")}) has more than ${STEPS} numbers`);
  return Array.from({ length }, (_, at) => from! + at * step);
}

const NOW = new Template("{{ strftime_now(format) }}");

/** What the library gives to every template, with a `range` that has an end. */
const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  raise_exception(message: string): never {
    throw new Error(message);
  },
  range,
  strftime_now: (format: string) => NOW.render({ format }),
};
