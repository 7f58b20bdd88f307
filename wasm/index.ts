// The module's exports: exactly the names of src/kernels/abi.ts, a row a weight format. No logic.
export { addOutliers } from "./matmul/add-outliers";
export { embedLut3, matmulLut3 } from "./matmul/lut3";
export { embedLut4, matmulLut4 } from "./matmul/lut4";
export { embedQ2had, matmulQ2had } from "./matmul/q2had";
export { embedQ2lut, matmulQ2lut } from "./matmul/q2lut";
export { embedQ4u, matmulQ4u } from "./matmul/q4u";
export { embedQ8, matmulQ8 } from "./matmul/q8";
export { argmax } from "./ops/argmax";
export { attention } from "./ops/attention";
export { chooseBest, gatherKeys, scoreRows } from "./ops/keeping";
export { kvAppend } from "./ops/kv";
export { addAttention } from "./ops/mass";
export { relaxedDot } from "./ops/probe";
export { addBias, normHeads } from "./ops/qkv";
export { quantise, rmsnormQuantise, swigluQuantise } from "./ops/quantise";
export { packPage, unpackPage } from "./ops/rest";
export { rope } from "./ops/rope";
export { gatherAbove, gumbelArgmax, logSumExp } from "./ops/sample";
