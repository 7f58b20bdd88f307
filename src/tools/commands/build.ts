/**
 * `outrider build`: what an edge serves and drafts with, in its assets folder. The target's weights are not among it.
 */
import path from "node:path";
import { assembleEdge } from "../service/assets.ts";
import { readProject } from "../service/project.ts";
import { command } from "./command.ts";
import { checkChoice, edgeModels } from "./models.ts";
import { text } from "./options.ts";

export const buildCommand = command({
  examples: [
    ["outrider build", "the default pair"],
    ["outrider build --draft none", "no draft's weights: drafts are copied from the conversation"],
    ["outrider build --target model.gguf --draft my-draft/pack", "models of your own"],
  ],
  options: {
    pair: text("NAME", "a pair of models that the project knows"),
    target: text("PATH", "the target: a pack, a GGUF file or a Hugging Face folder; only its tokenizer is read"),
    draft: text("PACK|none", "a draft's pack, the short name of one of the pair's drafts, or none"),
  },
  notes: `Fills the folder that the wrangler file in the current folder names as assets.directory, with the page, the
target's tokenizer and the draft.`,
  async run({ pair, target, draft }) {
    checkChoice({ pair, target });
    const folder = process.cwd();
    const { assets } = await readProject(folder);
    const models = await edgeModels({ pair, target, draft });
    const edge = await assembleEdge(models.target, models.draft, assets, models);
    const where = path.relative(folder, assets);
    const drafted = edge.draft === null ? "without a draft" : `with the draft ${edge.draft}`;
    console.log(`${where}: an edge of ${edge.model} ${drafted}`);
  },
});
