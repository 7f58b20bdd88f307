/** A page of packs beside the model that they were made from. */

import { OutriderError } from "../../core/model/errors.ts";
import { readModel } from "../../core/platform/read-model.ts";
import type { Figures } from "../evaluate/figures.ts";
import { badLine, readLines } from "../text/text-file.ts";
import { analyse } from "./analysis.ts";
import { bytesByKind, countsOf } from "./contents.ts";
import { shortNames } from "./names.ts";
import { type Reported, reportPage } from "./report-page.ts";

/**
 * The page as HTML that loads nothing.
 * @param figures of packs that can still be read where they were measured
 * @param against the original: a pack, a GGUF file or a Hugging Face folder
 */
export async function comparePacks(figures: readonly Figures[], against: string): Promise<string> {
  const original = await readModel(against);
  const packs: Reported[] = [];
  const names = shortNames(figures.map(({ pack }) => pack));
  for (const [n, each] of figures.entries()) {
    const model = await readModel(each.pack);
    packs.push({
      figures: { ...each, pack: names[n]! },
      bytes: bytesByKind(model),
      counts: countsOf(model),
      analysis: analyse(model, original),
    });
  }
  return reportPage(packs, { model: original.model, counts: countsOf(original) });
}

/** Lines that `outrider eval --json` wrote, the last one of each pack. Throws `bad_text` for other lines, or none. */
export async function readFigures(files: readonly string[]): Promise<Figures[]> {
  const byPack = new Map<string, Figures>();
  for (const file of files) {
    for (const [n, line] of (await readLines<Partial<Figures>>(file)).entries()) {
      if (line.pack === undefined || line.bytes === undefined || line.on === undefined) {
        throw badLine(file, n, "these are no figures; make them with `outrider eval PACK... --json`");
      }
      byPack.set(line.pack, line as Figures);
    }
  }
  if (byPack.size === 0) {
    const made = "make figures with `outrider eval PACK... --json`";
    throw new OutriderError("bad_text", `${files.join(", ")}: there are no figures in it; ${made}`);
  }
  return [...byPack.values()];
}
