/** Recipes by their name, or in files of their own. */
import { existsSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { OutriderError } from "../model/errors.ts";
import { parseRecipe, type Recipe } from "./recipe.ts";
import { type NamedRecipe, RECIPES } from "./recipes.ts";

/**
 * A recipe of `recipes.ts`, or the default export of a module. A module also says which model it makes, and from which
 * folder of `models/`. Throws `bad_recipe` for a name that is none and a module that is not there or holds something
 * else.
 */
export async function readRecipe(recipe: string): Promise<NamedRecipe & Partial<Pick<Recipe, "model" | "base">>> {
  const named = Object.hasOwn(RECIPES, recipe) ? RECIPES[recipe] : undefined;
  if (named) return named;
  if (!isRecipeFile(recipe)) {
    throw new OutriderError("bad_recipe", `no recipe is called ${recipe}; a file of your own ends in .ts, .js or .mjs`);
  }
  if (!existsSync(recipe)) throw new OutriderError("bad_recipe", `${recipe}: there is no such file`);
  const { default: value } = (await import(pathToFileURL(path.resolve(recipe)).href)) as { default?: unknown };
  return parseRecipe(value, recipe);
}

export const isRecipeFile = (recipe: string): boolean => /\.(ts|js|mjs)$/.test(recipe);
