/** `outrider init`: a folder with an edge of one's own. */
import { existsSync } from "node:fs";
import path from "node:path";
import { REGIONS } from "../../core/verify/region.ts";
import { knownPairs, pairNamed } from "../obtain/pair.ts";
import { describeTarget } from "../service/assets.ts";
import { writeScaffold } from "../service/scaffold.ts";
import { command } from "./command.ts";
import { checkChoice } from "./models.ts";
import { choice, flag, one, text, usage } from "./options.ts";
import { MODELS } from "./prepare.ts";

export const initCommand = command({
  examples: [
    ["outrider init my-edge", "an edge for the default pair of models"],
    ["outrider init my-edge --origin https://origin.example.com", "that knows where its origin is"],
    ["outrider init my-edge --origin https://origin.example.com --region weur", "and in which part of the world"],
    ["outrider init my-edge --target model.gguf", "for a model of your own, without a draft"],
  ],
  positionals: { directory: one("DIR", "the new folder") },
  options: {
    origin: text("URL", "where the origin can be reached"),
    region: choice(REGIONS, "where the origin stands: Cloudflare is asked to make Sessions there"),
    pair: text("NAME", "a pair of models that the project knows"),
    target: text("PATH", "a target of your own: a pack, a GGUF file or a Hugging Face folder"),
    draft: text("PACK|none", "its draft, if it has one"),
    json: flag("prints the files as JSON"),
  },
  notes: `Writes a Worker of one line, its wrangler file, package.json with scripts, .dev.vars.example, a README, and
.prod.vars with a fresh API key. It asks nothing and changes nothing that is there.`,
  async run({ directory, origin, region, pair, target, draft, json }) {
    if (origin !== undefined && !/^https?:\/\/./.test(origin)) {
      throw usage(`--origin is a URL such as https://origin.example.com, not "${origin}"`);
    }
    checkChoice({ pair, target });
    // A mistake in a name is met here, and not when the edge is built.
    if (pair !== undefined) pairNamed(pair, knownPairs(MODELS));
    if (target !== undefined) await describeTarget(target);
    const inside = (file: string) => path.relative(directory, file).replaceAll("\\", "/");
    // Anything else is none, or the short name of one of a pair's drafts.
    const isPath = draft !== undefined && (/[\\/]/.test(draft) || existsSync(draft));
    const models = {
      ...(pair !== undefined && { pair }),
      ...(target !== undefined && { target: inside(target) }),
      ...(draft !== undefined && { draft: isPath ? inside(draft) : draft }),
    };
    const files = await writeScaffold({ directory, origin, region, models });
    if (json) return console.log(JSON.stringify({ directory, files }));
    const next = ["npm install", "npx outrider build", "npx outrider deploy --dry-run"];
    console.log(
      [
        `${directory}: ${files.join(", ")}`,
        "",
        "Next:",
        ...[`cd ${directory}`, ...next].map((line) => `  ${line}`),
        ...(origin === undefined ? ["", "Name your origin as ORIGIN_URL in wrangler.jsonc."] : []),
      ].join("\n"),
    );
  },
});
