/** A pack's blocks as one SVG: squares for the error of each matrix. */
import type { BlockSuffix } from "../../core/model/tensors.ts";
import { element, label, picture, tooltip } from "../charts/svg.ts";
import type { BlockLoss } from "./analysis.ts";

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 16;
const ROW = 22;
/** A square this wide has room for its number. */
const LEGIBLE = 22;
/** Opacity of the strongest square; the number in it can still be read. */
const STRONGEST = 0.75;

const MATRICES: readonly (readonly [BlockSuffix, string])[] = [
  ["self_attn.q_proj.weight", "q"],
  ["self_attn.k_proj.weight", "k"],
  ["self_attn.v_proj.weight", "v"],
  ["self_attn.o_proj.weight", "o"],
  ["mlp.gate_proj.weight", "gate"],
  ["mlp.up_proj.weight", "up"],
  ["mlp.down_proj.weight", "down"],
];

/** The error with the strongest colour, the same for all packs of a page, so that packs can be compared. */
export const largestError = (packs: readonly (readonly BlockLoss[])[]): number =>
  Math.max(...packs.flat().flatMap(({ errors }) => [...(errors?.values() ?? [])]), 1e-9);

/**
 * The picture. `layers` is the original's number of blocks; those that no block of the pack comes from were removed.
 */
export function heatmap(blocks: readonly BlockLoss[], layers: number, largest: number): string {
  const cell = (WIDTH - LEFT - RIGHT) / layers;
  const byOrigin = new Map(blocks.map((block) => [block.origin, block]));
  const floor = MATRICES.length * ROW;
  const columns = Array.from({ length: layers }, (_, layer) => {
    const x = LEFT + layer * cell;
    const block = byOrigin.get(layer);
    const middle = { x: x + cell / 2, y: floor + 15, "text-anchor": "middle" };
    const number = label(String(layer), { class: "tick", ...middle });
    if (block?.errors) return number + squares(block.errors, layer, x, cell, largest);
    const title = block ? `block ${layer}: another shape, not compared` : `block ${layer}: removed`;
    const box = { x, y: 0, width: cell - 1, height: floor - 1 };
    return number + element("rect", { class: block ? "other" : "gone", ...box }, tooltip(title));
  });
  const names = MATRICES.map(([, name], row) =>
    label(name, { class: "axis", x: LEFT - 8, y: row * ROW + 15, "text-anchor": "end" }),
  );
  return picture(WIDTH, floor + 40, "Relative error of each matrix by block", [
    ...names,
    ...columns,
    label("block of the original", { class: "axis", x: WIDTH / 2, y: floor + 32, "text-anchor": "middle" }),
  ]);
}

function squares(
  errors: ReadonlyMap<BlockSuffix, number>,
  layer: number,
  x: number,
  cell: number,
  most: number,
): string {
  return MATRICES.map(([suffix, name], row) => {
    const error = errors.get(suffix)!;
    // Roots, so that the small errors of rounding differ visibly beside the large ones of pruning.
    const opacity = (STRONGEST * Math.sqrt(error / most)).toFixed(3);
    const box = { x, y: row * ROW, width: cell - 1, height: ROW - 1, "fill-opacity": opacity };
    const title = `block ${layer}, ${name}: error ${(100 * error).toFixed(2)} %`;
    const square = element("rect", { class: "heat", ...box }, tooltip(title));
    if (cell < LEGIBLE) return square;
    const percent = (100 * error).toFixed(error === 0 || error >= 0.0995 ? 0 : 1);
    const middle = { x: x + cell / 2, y: row * ROW + 15, "text-anchor": "middle" };
    return square + label(percent, { class: "number", ...middle });
  }).join("");
}
