/** `npm run docs:generate`: writes the documents that follow from the sources. */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { apiFiles } from "./api.ts";
import { commandFiles } from "./commands.ts";
import { figureFiles } from "./figures.ts";

const ROOT = resolve(import.meta.dirname, "..");

for (const [file, content] of Object.entries({ ...apiFiles(), ...(await commandFiles()), ...figureFiles() })) {
  writeFileSync(resolve(ROOT, file), content);
}
