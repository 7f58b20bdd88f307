/** Recipes by their name, or in files of their own. */
import path from "node:path";
import { pathToFileURL } from "node:url";
import { OutriderError } from "../../core/model/errors.ts";
import { checkFile } from "../../core/platform/named-file.ts";
import { parseRecipe, type Recipe } from "./recipe.ts";
import { type NamedRecipe, RECIPES } from "./recipes.ts";

/**
 * A recipe of `recipes.ts` by its name, or the default export of a module. A module also has the id of the model it
 * makes, and may name its base. Throws `bad_recipe` for an unknown name, and for a module that this Node cannot read or
 * that exports no recipe, and as `checkFile` does.
 */
export async function readRecipe(
  recipe: string,
): Promise<NamedRecipe & Partial<Pick<Recipe, "model" | "base" | "drafting">>> {
  const named = Object.hasOwn(RECIPES, recipe) ? RECIPES[recipe] : undefined;
  if (named) return named;
  if (!isRecipeFile(recipe)) {
    throw new OutriderError("bad_recipe", `no recipe is called ${recipe}; a file of your own ends in .ts, .js or .mjs`);
  }
  checkFile(recipe);
  if (recipe.endsWith(".ts") && !process.features.typescript) {
    const message = `${recipe}: Node ${process.versions.node} does not read TypeScript`;
    throw new OutriderError("bad_recipe", `${message}; run it with Node 22.18 or newer, as \`npx outrider\` does`);
  }
  const { default: value } = (await import(pathToFileURL(path.resolve(recipe)).href)) as { default?: unknown };
  return parseRecipe(value, recipe);
}

export const isRecipeFile = (recipe: string): boolean => /\.(ts|js|mjs)$/.test(recipe);
