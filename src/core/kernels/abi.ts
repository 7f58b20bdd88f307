/**
 * Every kernel's signature, once, and the memory layouts they share. `wasm/index.ts` exports exactly these names;
 * `test/kernels/plain` has the same set in ordinary TypeScript, which is the definition of what each computes.
 *
 * All pointers are byte addresses in one memory. Kernels never allocate. A row-major f32 matrix of T token vectors
 * has a stride in floats. Letters: T tokens, E embedding, H/G query and key/value heads, D head size, V vocabulary.
 *
 * Activations enter a matmul as integers, x ≈ scale · q, one scale a vector, in int8 planes, so that every engine's dot
 * product gives the same integers. A record holds them twice: in 14 bits, q = 128·hi + lo in [−8191, 8191] with hi in
 * [−64, 63] and lo in [0, 127]; and in 8 bits, q8 = min(127, (q + 32) >> 6) with 64 times the scale:
 *
 *   0                f32    scale, of q
 *   4                f32    scale, of q8
 *   16               f32    sum of q over each group of 32, n/32 of them, padded to 16 bytes
 *   +                f32    sum of q8, the same
 *   +                int8   hi, lo, hi + 64, q8: n each
 *   +                int16  q
 *
 * The results do not depend on T: a token's outputs are bit-identical whether it came alone or with others. That is
 * what makes verification of a draft equal to decoding without one. No kernel fuses a multiply with an add, so all
 * builds agree bit for bit as well.
 *
 * A KV page holds 32 tokens of every layer: for each layer, for each key/value head, one head block:
 *
 *   0           int8    K high [32 tokens][D]    key = scale · (16·high + low), 12 bits, q in [−2047, 2047]
 *   32·D        4 bits  K low  [32][D/2]         byte j of each 16: channel 32c + j, upper half channel 32c + 16 + j
 *   48·D        f32     K scale, one a token [32]
 *   48·D + 128  int8    V [32][D]                value = scale · q, q in [−127, 127]
 *   80·D + 128  f32     V scale, one a token [32]
 *
 * An index has rows that stand for keys: for each page and key/value head, R rows of W channels. R and W are multiples
 * of four.
 *
 *   0           int8    [W/4][R][4]   row = scale · q, q in [−127, 127]
 *   R·W         f32     scale [R]
 *   R·W + 4R    int32   64 · Σ q [R]
 *
 * Keys carry the error of attention. With int8 keys and a scale for each 16 channels 99.0 % of the f32 argmaxes on
 * WikiText-2 stay, with 12 bits and one scale 99.96 %. Values lose nothing that counts at int8 (docs/record/log.md).
 *
 * At rest a page takes 3.75 bits a number. Each 32 channels of a token's key or value are rotated by a Hadamard matrix
 * over √32 (in Sylvester's order) and rounded to codes; number = step · (code − half the codes + ½), rotated back.
 * A step is a f32 of which the upper 16 bits are kept. The head block is then:
 *
 *   0           4 × u32  K codes of 32 channels [32][D/32]: word b holds bit b of each channel's code
 *   16·D        3 × u32  V codes, the same
 *   28·D        u16      K step, one a token [32]
 *   28·D + 64   u16      V step, one a token [32]
 */
import type { ActivationBits } from "../model/formats/format.ts";
import { BLOCK_FORMATS, type BlockFormat } from "../model/formats.ts";
import type {
  Blocks,
  Bytes,
  Floats,
  OutlierTables,
  Pages,
  PagesAtRest,
  PageTable,
  Positions,
  Records,
  TokenIds,
  Workspace,
} from "./address.ts";

export const PAGE_TOKENS = 32;

/** Bytes of the rows of one page and key/value head in an index. */
export const indexBytes = (width: number): number => PAGE_TOKENS * (width + 8);

/** Bytes of the quantised form of one n-vector; n is a multiple of 32. */
export const activationBytes = (n: number): number => 16 + 2 * Math.ceil(n / 32 / 4) * 16 + 6 * n;

/** Bytes of one head block of a KV page. */
export const headBlockBytes = (headSize: number): number => 80 * headSize + 256;

/** Bytes of one head block of a KV page at rest. */
export const restBlockBytes = (headSize: number): number => 28 * headSize + 128;

/** `kvHeads`: of all layers together. */
export const pageBytes = (kvHeads: number, headSize: number): number => kvHeads * headBlockBytes(headSize);

/**
 * out[t][r] (+)= Σ_k weight[r][k] · x[t][k] for t < T, r < rows. Each weight byte is read from memory once for all T.
 * `blockBytes` is that of the matrix (model/layouts.ts), `bits` is the width in which activations are read, `outStride`
 * is in floats from token to token. `accumulate` 1 adds to `out` (residual), 0 overwrites it.
 * `scratch` holds as many bytes as `matmulScratch` (draft/memory-plan.ts) returns.
 */
export type Matmul = (
  act: Records,
  T: number,
  weight: Blocks,
  blockBytes: Bytes,
  rows: number,
  cols: number,
  bits: ActivationBits,
  out: Floats,
  outStride: number,
  accumulate: 0 | 1,
  scratch: Workspace,
) => void;

/** out (cols) f32 = row `row` of a matrix. */
export type Embed = (weight: Blocks, blockBytes: Bytes, row: number, cols: number, out: Floats) => void;

type MatmulName<F extends BlockFormat = BlockFormat> = `matmul${Capitalize<F>}`;
type EmbedName<F extends BlockFormat = BlockFormat> = `embed${Capitalize<F>}`;

/** A matmul and an embed for each weight format: `matmulQ4u`, `embedQ4u`, … */
export type FormatKernels = { readonly [N in MatmulName]: Matmul } & { readonly [N in EmbedName]: Embed };

const capital = (format: string): string => format.charAt(0).toUpperCase() + format.slice(1);

/** Names of a weight format's kernels. */
export const FORMAT_KERNELS = Object.fromEntries(
  BLOCK_FORMATS.map((format) => [format, { matmul: `matmul${capital(format)}`, embed: `embed${capital(format)}` }]),
) as { readonly [F in BlockFormat]: { readonly matmul: MatmulName<F>; readonly embed: EmbedName<F> } };

export interface Kernels extends FormatKernels {
  /** act (T records) = quantise(x (T, n)); x rows are contiguous. */
  quantise(x: Floats, n: number, T: number, act: Records): void;
  /** act (T records) = quantise(x / sqrt(mean(x²) + epsilon) · weight); x (T, n), weight (n). Zhang & Sennrich 2019. */
  rmsnormQuantise(x: Floats, weight: Floats, n: number, T: number, epsilon: number, act: Records): void;
  /** act (T records) = quantise(silu(gate) · up); gateUp (T, 2n), gate first. Shazeer 2020. */
  swigluQuantise(gateUp: Floats, n: number, T: number, act: Records): void;

  /**
   * out[t][r] += Σ_j value[r][j] · x[t][column[r][j]] for the outliers of `table` (model/layouts.ts).
   * `scratch` holds T · cols f32.
   */
  addOutliers(
    act: Records,
    T: number,
    table: OutlierTables,
    rows: number,
    cols: number,
    bits: ActivationBits,
    out: Floats,
    outStride: number,
    scratch: Workspace,
  ): void;

  /** x[t] += bias for T rows of n floats, n a multiple of 4. */
  addBias(x: Floats, bias: Floats, n: number, T: number, stride: number): void;
  /** Each of `heads` heads of D channels, in place: head / sqrt(mean(head²) + epsilon) · weight (D), for T tokens. */
  normHeads(x: Floats, weight: Floats, heads: number, D: number, T: number, stride: number, epsilon: number): void;

  /**
   * Rotates `heads` heads of D channels in place, pairs (i, i + D/2), for T tokens. `table` (T, D): D/2 cosines, then
   * D/2 sines of each token's position. Su et al. 2021, half-split form.
   */
  rope(x: Floats, heads: number, D: number, T: number, stride: number, table: Floats): void;

  /**
   * Quantises keys and values (T, G·D) of one layer into the pages, for positions position … position + T − 1.
   * `layerOffset` is the number of bytes that earlier layers take in a page.
   */
  kvAppend(
    k: Floats,
    v: Floats,
    stride: number,
    T: number,
    G: number,
    D: number,
    pages: PageTable,
    layerOffset: Bytes,
    position: number,
  ): void;

  /**
   * out = the first T tokens of a page of `blocks` head blocks, at rest; the room of the others is zero. `scratch`
   * holds D floats.
   */
  packPage(page: Pages, blocks: number, D: number, T: number, out: PagesAtRest, scratch: Workspace): void;
  /** The inverse, but for what rounding took. */
  unpackPage(packed: PagesAtRest, blocks: number, D: number, T: number, page: Pages, scratch: Workspace): void;

  /**
   * Causal grouped-query attention of T queries at positions position … position + T − 1 over the pages.
   * q (T, H·D) and out (T, H·D) f32; `scratch` holds at least (position + T rounded up to 32) · H/G · 4 + H·D·4 bytes.
   */
  attention(
    q: Floats,
    stride: number,
    T: number,
    H: number,
    G: number,
    D: number,
    pages: PageTable,
    layerOffset: Bytes,
    position: number,
    out: Floats,
    outStride: number,
    scratch: Workspace,
  ): void;

  /**
   * out[i] = the largest over heads of dot(probe, row i) − the largest such dot product of that head, for the rows of
   * `pages` pages in order. `probes` (heads, W) f32, read as integers of 7 bits. `indexes` holds the address of each
   * page's index, `offset` the bytes in it before these rows. `scratch` holds 4·W bytes and a f32 a row.
   */
  scoreRows(
    probes: Floats,
    heads: number,
    W: number,
    indexes: PageTable,
    offset: Bytes,
    pages: number,
    out: Floats,
    scratch: Workspace,
  ): void;

  /**
   * Writes to `out` the indices, rising, of the scores that are at least the largest − `reach`; where these are more
   * than `most`, of those above a cut that twelve halvings find, so that there are at most `most`. Returns how many.
   */
  chooseBest(scores: Floats, n: number, reach: number, most: number, out: Positions): number;

  /**
   * Copies keys and values of `count` positions of one key/value head side by side into head blocks at `out`, 32 in
   * each. `pages` and `blockOffset` say where they lie.
   */
  gatherKeys(
    positions: Positions,
    count: number,
    D: number,
    pages: PageTable,
    blockOffset: Bytes,
    out: Workspace,
  ): void;

  /** Index of the largest of n floats, the lowest index among equals. */
  argmax(x: Floats, n: number): number;

  /**
   * Index of the largest v + noise among the floats with v ≥ floor, where v = (x − largest) · scale; the lowest index
   * among equals. The largest float is always among them. `ids` (n u32, room for a multiple of four) are the tokens of
   * the floats, or 0 where a float's index is its token. `a` and `b` are a key of the noise of src/core/model/noise.ts.
   */
  gumbelArgmax(x: Floats, n: number, ids: TokenIds, scale: number, floor: number, a: number, b: number): number;
  /**
   * ln Σ e^(scale · x) over n floats, the largest of them finite. A float whose scaled distance from the largest
   * exceeds 60 counts as if it were 60 below.
   */
  logSumExp(x: Floats, n: number, scale: number): number;
  /** Writes the first `room` floats that are at least `cut`, in order, to `out`; returns how many there are in all. */
  gatherAbove(x: Floats, n: number, cut: number, out: Floats, room: number): number;

  /** Lane 1 of a relaxed dot product, which tells how the engine computes it (wasm.ts); 0 without relaxed SIMD. */
  relaxedDot(): number;
}

const OTHER_KERNELS = [
  "quantise",
  "rmsnormQuantise",
  "swigluQuantise",
  "addOutliers",
  "addBias",
  "normHeads",
  "rope",
  "kvAppend",
  "packPage",
  "unpackPage",
  "attention",
  "scoreRows",
  "chooseBest",
  "gatherKeys",
  "argmax",
  "gumbelArgmax",
  "logSumExp",
  "gatherAbove",
  "relaxedDot",
] as const satisfies readonly (keyof Kernels)[];

export const KERNEL_NAMES: readonly (keyof Kernels)[] = [
  ...Object.values(FORMAT_KERNELS).flatMap(({ matmul, embed }) => [matmul, embed]),
  ...OTHER_KERNELS,
];
