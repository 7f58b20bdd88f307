// Calibration's kernels, a module of their own that the service does not carry: a Llama in f32 forwards and backwards,
// over a memory that several threads share. Products and sums may be fused here: what is measured is statistics, and
// the results depend on neither the number of threads nor their timing. src/tools/compress/calibrate/passes/kernels.ts has the
// signatures.
export { gemm, gemmWorkBytes } from "./gemm";
export { rmsNorm, rmsNormBackward } from "./norm";
export { rotate } from "./rope";
export { softmaxCausal, softmaxCausalBackward } from "./softmax";
export { swiglu, swigluBackward } from "./swiglu";
export { crossSlice, logSumSlice, lossSlice } from "./loss";
export { addDoubles, addRow, addRows, addWithSquares, clear, columnSquares, copy, cosines } from "./sums";
