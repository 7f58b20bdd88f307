// The module's exports: exactly the names of src/kernels/abi.ts. No logic.
export { matmulQ4u } from "./matmul/q4u";
export { matmulQ8 } from "./matmul/q8";
export { argmax } from "./ops/argmax";
export { attention } from "./ops/attention";
export { embedQ4u, embedQ8 } from "./ops/embed";
export { kvAppend } from "./ops/kv";
export { relaxedDot } from "./ops/probe";
export { quantise, rmsnormQuantise, swigluQuantise } from "./ops/quantise";
export { rope } from "./ops/rope";
export { gatherAbove, gumbelArgmax, logSumExp } from "./ops/sample";
