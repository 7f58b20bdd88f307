/** The kernel that the solvers multiply with. */
import { Products } from "../../src/methods/subtract-product.ts";
import { builtModule } from "../../src/platform/built.ts";

export const products = new Products(await builtModule("solve"));
