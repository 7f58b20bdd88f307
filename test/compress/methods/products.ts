/** The kernel that the solvers multiply with. */
import { Products } from "../../../src/compress/methods/subtract-product.ts";
import { builtModule } from "../../../src/kernels/built.ts";

export const products = new Products(await builtModule("solve"));
