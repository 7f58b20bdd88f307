/** `outrider` as it is typed: which command is meant, and what there is. */
import { readFile } from "node:fs/promises";
import { attempt, failed, isHelp } from "./attempt.ts";
import { suggestion } from "./closest.ts";
import type { Command } from "./command.ts";
import { heading, table } from "./help.ts";
import { usage } from "./options.ts";

interface Row {
  readonly summary: string;
  /** Loads the command's module, so that help does not wait for all of them. */
  load(): Promise<Command>;
}

const GROUPS: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  "Serve a model": {
    start: {
      summary: "Runs edge and origin on this machine: a page to chat with and an OpenAI-compatible API.",
      load: async () => (await import("./start.ts")).startCommand,
    },
    prepare: {
      summary: "Obtains the models that start needs, and checks them.",
      load: async () => (await import("./prepare.ts")).prepareCommand,
    },
    origin: {
      summary: "Runs an origin: the large model, behind the gateway that verifies drafts.",
      load: async () => (await import("./origin.ts")).originCommand,
    },
  },
  "Deploy an edge": {
    init: {
      summary: "Makes a folder with an edge of your own: a Worker, its settings and scripts.",
      load: async () => (await import("./init.ts")).initCommand,
    },
    build: {
      summary: "Assembles what an edge serves: the page, the tokenizer and the draft.",
      load: async () => (await import("./build.ts")).buildCommand,
    },
    deploy: {
      summary: "Checks an edge and uploads it to Cloudflare.",
      load: async () => (await import("./deploy.ts")).deployCommand,
    },
    keys: {
      summary: "Adds, lists and revokes keys with names and limits.",
      load: async () => (await import("./keys.ts")).keysCommand,
    },
  },
  "Make a draft": {
    draft: {
      summary: "Makes a draft for a target, from writing its text to its card.",
      load: async () => (await import("./draft.ts")).draftCommand,
    },
    import: {
      summary: "Turns a GGUF file into a pack, the format that the edge reads.",
      load: async () => (await import("./import.ts")).importCommand,
    },
    squeeze: {
      summary: "Makes a small draft out of a model, by a recipe.",
      load: async () => (await import("./squeeze.ts")).squeezeCommand,
    },
    corpus: {
      summary: "Has a target write text to train and calibrate a draft on.",
      load: async () => (await import("./corpus.ts")).corpusCommand,
    },
  },
  Measure: {
    plan: {
      summary: "Says what drafts promise before a target, by arithmetic alone.",
      load: async () => (await import("./plan.ts")).planCommand,
    },
    cost: {
      summary: "Says what an edge costs on Cloudflare, by arithmetic alone.",
      load: async () => (await import("./cost.ts")).costCommand,
    },
    eval: {
      summary: "Measures packs: perplexity, acceptance, size and speed.",
      load: async () => (await import("./eval.ts")).evalCommand,
    },
    report: {
      summary: "Writes an HTML page that compares packs, from what eval measured.",
      load: async () => (await import("./report.ts")).reportCommand,
    },
    inspect: {
      summary: "Measures each operation of a pack against what this machine could do.",
      load: async () => (await import("./inspect.ts")).inspectCommand,
    },
  },
};

/** Every command by its name. */
export const COMMANDS: ReadonlyMap<string, Row> = new Map(
  Object.values(GROUPS).flatMap((group) => Object.entries(group)),
);

const EXAMPLES = [
  ["outrider start", "serve the default pair of models at http://localhost:8787"],
  ["outrider init my-edge", "begin an edge of your own, to deploy on Cloudflare"],
  ["outrider help squeeze", "what a command takes, with examples"],
] as const;

/** Runs a command line. Returns the exit status: 0, 1 for what failed, 2 for a command line that is not understood. */
export async function main(argv: readonly string[]): Promise<number> {
  const [first = "--help", ...rest] = argv;
  try {
    if (first === "--version" || first === "-v") return print(await version());
    const asksHelp = first === "help" || isHelp(first);
    const name = asksHelp ? rest[0] : first;
    if (name === undefined || isHelp(name)) return print(overview());
    const row = COMMANDS.get(name);
    if (!row) {
      const kind = name.startsWith("-") ? "option" : "command";
      throw usage(`unknown ${kind} ${name}${suggestion(name, [...COMMANDS.keys(), "help", "--help", "--version"])}`);
    }
    const words = asksHelp ? ["--help"] : rest;
    return await attempt(`outrider ${name}`, row.summary, await row.load(), words);
  } catch (error) {
    return failed(error, "outrider");
  }
}

function print(lines: string): number {
  console.log(lines);
  return 0;
}

function overview(): string {
  return [
    "Edge-drafted speculative decoding: a small model at the edge drafts, a large one at the origin verifies.",
    "",
    heading("Examples"),
    ...table(EXAMPLES),
    ...Object.entries(GROUPS).flatMap(([title, group]) => [
      "",
      heading(title),
      ...table(Object.entries(group).map(([name, { summary }]) => [name, summary] as const)),
    ]),
    "",
    "outrider help COMMAND says more. -h and --help work everywhere; --version prints the version.",
    "Environment: OUTRIDER_CACHE (folder of obtained models), OUTRIDER_DEBUG=1 (stacks of errors), NO_COLOR.",
  ].join("\n");
}

async function version(): Promise<string> {
  const file = new URL("../../../package.json", import.meta.url);
  return (JSON.parse(await readFile(file, "utf8")) as { version: string }).version;
}
