/**
 * A pack's blocks as one SVG: the error of each matrix in squares, and below it how much the model minds each block, in
 * bars.
 */

import type { BlockTensor } from "../calibrate/passes/shape.ts";
import { acrossOf, type Frame, fix, linearAxis, rungs, upOf } from "../charts/axes.ts";
import type { BlockLoss } from "./analysis.ts";

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 16;
const ROW = 22;
const BARS = 90;
/** A square this wide has room for its number. */
const LEGIBLE = 22;
/** Of the strongest square: the number in it is still read. */
const STRONGEST = 0.75;

const MATRICES: readonly (readonly [BlockTensor, string])[] = [
  ["self_attn.q_proj.weight", "q"],
  ["self_attn.k_proj.weight", "k"],
  ["self_attn.v_proj.weight", "v"],
  ["self_attn.o_proj.weight", "o"],
  ["mlp.gate_proj.weight", "gate"],
  ["mlp.up_proj.weight", "up"],
  ["mlp.down_proj.weight", "down"],
];

/** What has the strongest colour, the same for all packs of a page, so that they can be compared. */
export interface Scales {
  readonly error: number;
  readonly divergence: number;
}

export function scalesOf(packs: readonly (readonly BlockLoss[])[]): Scales {
  const blocks = packs.flat();
  return {
    error: Math.max(...blocks.flatMap(({ errors }) => [...(errors?.values() ?? [])]), 1e-9),
    divergence: Math.max(...blocks.map(({ divergence = 0 }) => divergence), 1e-9),
  };
}

/** `layers` are the original's; those that no block comes from were removed. */
export function heatmap(blocks: readonly BlockLoss[], layers: number, scales: Scales): string {
  const cell = (WIDTH - LEFT - RIGHT) / layers;
  const byOrigin = new Map(blocks.map((block) => [block.origin, block]));
  const floor = MATRICES.length * ROW;
  const columns = Array.from({ length: layers }, (_, layer) => {
    const [x, block] = [LEFT + layer * cell, byOrigin.get(layer)];
    const number = `<text class="tick" x="${fix(x + cell / 2)}" y="${floor + 15}" text-anchor="middle">${layer}</text>`;
    if (block?.errors) return number + squares(block.errors, layer, x, cell, scales.error);
    const title = block ? `block ${layer}: another shape, not compared` : `block ${layer}: removed`;
    return `${number}<rect class="${block ? "other" : "gone"}" x="${fix(x)}" y="0" width="${fix(cell - 1)}" height="${floor - 1}"><title>${title}</title></rect>`;
  });
  const names = MATRICES.map(
    ([, name], row) => `<text class="axis" x="${LEFT - 8}" y="${row * ROW + 15}" text-anchor="end">${name}</text>`,
  );
  const minded = blocks.some(({ divergence = 0 }) => divergence > 0);
  const height = floor + 40 + (minded ? BARS : 0);
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Relative error of each matrix by block">
${names.join("\n")}
${columns.join("\n")}
<text class="axis" x="${WIDTH / 2}" y="${floor + 32}" text-anchor="middle">block of the original</text>
${minded ? bars(blocks, cell, { width: WIDTH, height, left: LEFT, right: RIGHT, top: floor + 44, bottom: 4 }, scales) : ""}
</svg>`;
}

function squares(
  errors: ReadonlyMap<BlockTensor, number>,
  layer: number,
  x: number,
  cell: number,
  most: number,
): string {
  return MATRICES.map(([suffix, name], row) => {
    const error = errors.get(suffix)!;
    const percent = (100 * error).toFixed(error === 0 || error >= 0.0995 ? 0 : 1);
    // Roots, so that the small errors of rounding differ visibly beside the large ones of pruning.
    const opacity = STRONGEST * Math.sqrt(error / most);
    const square = `<rect class="heat" x="${fix(x)}" y="${row * ROW}" width="${fix(cell - 1)}" height="${ROW - 1}" fill-opacity="${opacity.toFixed(3)}"><title>block ${layer}, ${name}: error ${(100 * error).toFixed(2)} %</title></rect>`;
    if (cell < LEGIBLE) return square;
    return `${square}<text class="number" x="${fix(x + cell / 2)}" y="${row * ROW + 15}" text-anchor="middle">${percent}</text>`;
  }).join("");
}

function bars(blocks: readonly BlockLoss[], cell: number, frame: Frame, scales: Scales): string {
  const [floor] = upOf(frame);
  const y = linearAxis("KL, nats", [0, scales.divergence], upOf(frame), 3);
  const [start] = acrossOf(frame);
  const each = blocks.map(({ origin, divergence }) => {
    if (divergence === undefined) return "";
    const top = y.at(divergence);
    return `<rect class="bar" x="${fix(start + origin * cell + 1)}" y="${fix(top)}" width="${fix(cell - 3)}" height="${fix(floor - top)}"><title>only block ${origin} compressed: KL ${divergence.toPrecision(3)} nats</title></rect>`;
  });
  return [rungs(frame, y), ...each].join("\n");
}
