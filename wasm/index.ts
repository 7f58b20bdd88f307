// The module's exports: exactly the names of src/kernels/abi.ts. No logic.
export { matmulLut3 } from "./matmul/lut3";
export { matmulLut4 } from "./matmul/lut4";
export { addOutliers } from "./matmul/add-outliers";
export { matmulQ2lut } from "./matmul/q2lut";
export { matmulQ4u } from "./matmul/q4u";
export { matmulQ8 } from "./matmul/q8";
export { argmax } from "./ops/argmax";
export { attention } from "./ops/attention";
export { embedLut3, embedLut4, embedQ2lut, embedQ4u, embedQ8 } from "./ops/embed";
export { kvAppend } from "./ops/kv";
export { relaxedDot } from "./ops/probe";
export { quantise, rmsnormQuantise, swigluQuantise } from "./ops/quantise";
export { rope } from "./ops/rope";
export { gatherAbove, gumbelArgmax, logSumExp } from "./ops/sample";
