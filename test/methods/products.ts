/** The kernel that the solvers multiply with. */

import { builtModule } from "../../src/core/platform/built.ts";
import { Products } from "../../src/tools/compress/methods/subtract-product.ts";

export const products = new Products(await builtModule("solve"));
