/** `outrider init`: a folder with an edge of one's own. */
import { REGIONS } from "../../core/verify/region.ts";
import { writeScaffold } from "../service/scaffold.ts";
import { command } from "./command.ts";
import { choice, one, text, usage } from "./options.ts";

export const initCommand = command({
  examples: [
    ["outrider init my-edge", "an edge for the default pair of models"],
    ["outrider init my-edge --origin https://origin.example.com", "that knows where its origin is"],
    ["outrider init my-edge --origin https://origin.example.com --region weur", "and in which part of the world"],
  ],
  positionals: { directory: one("DIR", "the new folder") },
  options: {
    origin: text("URL", "where the origin can be reached"),
    region: choice(REGIONS, "where the origin stands: Cloudflare is asked to make Sessions there"),
  },
  notes: `Writes a Worker of one line, its wrangler file, package.json with scripts, .dev.vars.example, a README, and
.prod.vars with a fresh API key. It asks nothing and changes nothing that is there. Models of your own are named to
\`outrider build\`, which package.json runs.`,
  async run({ directory, origin, region }) {
    if (origin !== undefined && !/^https?:\/\/./.test(origin)) {
      throw usage(`--origin is a URL such as https://origin.example.com, not "${origin}"`);
    }
    const files = await writeScaffold({ directory, origin, region });
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
