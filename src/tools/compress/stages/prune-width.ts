/**
 * The stage that leaves out key/value heads, with their query heads, and MLP channels, chosen for each block. The rest
 * computes the same as before; blocks may get different widths. Which to keep is decided elsewhere
 * (methods/llm-pruner.ts).
 */
import type { PackedModel, PackedTensor } from "../../../core/format/pack.ts";
import { blockShape, type LlamaConfig } from "../../../core/model/config.ts";
import { OutriderError } from "../../../core/model/errors.ts";
import { blockTensor } from "../../../core/model/tensors.ts";
import { headLines } from "../methods/groups.ts";
import { selectLines, upTo, ZEROS } from "./select-lines.ts";

/** What a block keeps, 0-based, ascending. */
export interface KeptWidth {
  /** Key/value heads, each with its H / G query heads. */
  readonly kvHeads: readonly number[];
  /** MLP channels. */
  readonly channels: readonly number[];
}

/** Everything that a block has. */
export function wholeWidth(config: LlamaConfig, layer: number): KeptWidth {
  const { kvHeads, feedForward } = blockShape(config, layer);
  return { kvHeads: upTo(kvHeads), channels: upTo(feedForward) };
}

/**
 * Every weight format needs a multiple of so many channels; the last ones are filled up with zeros, which change
 * nothing.
 */
const CHANNEL_UNIT = 64;

/**
 * A copy with the widths of `kept`, which has one entry per block. Changed matrices are f32 until a later stage rounds
 * them. Throws `bad_recipe` for a head or channel that does not exist, and for a block that keeps none.
 */
export function pruneWidth(model: PackedModel, kept: readonly KeptWidth[]): PackedModel {
  checkKept(model, kept);
  const widths = kept.map(({ kvHeads, channels }, layer) => {
    const { feedForward } = blockShape(model.config, layer);
    const padded = Math.ceil(channels.length / CHANNEL_UNIT) * CHANNEL_UNIT;
    return { kvHeads: kvHeads.length, feedForward: Math.min(padded, feedForward) };
  });
  const tensors = replaceBlocks(model, kept, ({ kvHeads, channels }, layer) => ({
    kvHeads,
    channels: Array.from({ length: widths[layer]!.feedForward }, (_, n) => channels[n] ?? ZEROS),
  }));
  const kvHeads = Math.max(...widths.map((width) => width.kvHeads));
  const config = {
    ...model.config,
    heads: kvHeads * (model.config.heads / model.config.kvHeads),
    kvHeads,
    feedForward: Math.max(...widths.map((width) => width.feedForward)),
  };
  const equal = widths.every((width) => width.kvHeads === kvHeads && width.feedForward === config.feedForward);
  return {
    ...model,
    config: { ...config, widths: equal ? undefined : widths },
    tensors,
  };
}

/** The tensors with the heads and channels of each block in the given order. Blocks that stay whole are shared. */
function replaceBlocks(
  model: PackedModel,
  kept: readonly KeptWidth[],
  order: (kept: KeptWidth, layer: number) => KeptWidth,
): Map<string, PackedTensor> {
  const { headSize, heads, kvHeads: allKvHeads } = model.config;
  const tensors = new Map(model.tensors);
  for (const [layer, width] of kept.entries()) {
    const shape = blockShape(model.config, layer);
    const { kvHeads, channels } = order(width, layer);
    const put = (suffix: string, rows: readonly number[] | "all", cols: readonly number[] | "all") => {
      const name = blockTensor(layer, suffix);
      tensors.set(name, selectLines(model.tensors.get(name)!, rows, cols));
    };
    if (width.kvHeads.length < shape.kvHeads) {
      const keyLines = lines(kvHeads, headSize);
      const queryLines = lines(kvHeads, headSize * (heads / allKvHeads));
      for (const { suffix, axis, of } of headLines(model.config)) {
        const own = of === "queries" ? queryLines : keyLines;
        put(suffix, axis === "rows" ? own : "all", axis === "cols" ? own : "all");
      }
    }
    if (width.channels.length < shape.feedForward) {
      put("mlp.gate_proj.weight", channels, "all");
      put("mlp.up_proj.weight", channels, "all");
      put("mlp.down_proj.weight", "all", channels);
    }
  }
  return tensors;
}

/** The lines of units of `size` lines. */
const lines = (units: readonly number[], size: number): number[] =>
  units.flatMap((unit) => Array.from({ length: size }, (_, n) => (unit === ZEROS ? ZEROS : unit * size + n)));

function checkKept({ config }: PackedModel, kept: readonly KeptWidth[]): void {
  if (kept.length !== config.layers) {
    throw new OutriderError("bad_recipe", `prune-width: ${kept.length} entries for ${config.layers} blocks`);
  }
  for (const [layer, { kvHeads, channels }] of kept.entries()) {
    const shape = blockShape(config, layer);
    checkList(`block ${layer}: key/value heads`, kvHeads, shape.kvHeads);
    checkList(`block ${layer}: channels`, channels, shape.feedForward);
  }
}

function checkList(what: string, list: readonly number[], count: number): void {
  const rises = list.every((n, i) => Number.isInteger(n) && n > (list[i - 1] ?? -1) && n < count);
  if (list.length > 0 && rises) return;
  throw new OutriderError(
    "bad_recipe",
    `prune-width: ${what} to keep must be one or more of 0 to ${count - 1}, ascending; ` +
      "keep more of this block, or leave out all of it by prune-depth",
  );
}
