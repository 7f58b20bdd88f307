/**
 * The shape that a budget of bytes buys. Depth comes before width: taught drafts with many narrow blocks passed drafts
 * of equal bytes with few wide ones (docs/record/log.md). So the MLPs are narrowed to half the width of the residual stream,
 * and as many blocks stay as then fit. Only where all blocks fit do the MLPs get what is left.
 */
import { OutriderError } from "../../core/model/errors.ts";
import { BLOCK_ROWS } from "../../core/model/formats/format.ts";
import { type Base, type DraftFormat, type DraftShape, draftBytes } from "./shape.ts";

/** What somebody asked for in place of what the budget would choose. */
interface Wishes {
  readonly blocks?: number | undefined;
  readonly heads?: number | undefined;
  readonly mlp?: number | undefined;
  readonly head?: number | undefined;
}

/** Widths are multiples of so many channels, which every format can hold. */
const CHANNELS = 64;
/** MLP channels for each channel of the residual stream, the widest first. */
const WIDTHS = [0.5, 0.25];
/** Fewer blocks are not worth their head. */
const LEAST_BLOCKS = 4;
/** Share of the budget that embedding and head may take. */
const HEAD_SHARE = 0.3;
const HEAD_SIZES = [32768, 24576, 16384, 12288, 8192, 6144, 4096, 3072, 2048, 1024, 512];

/**
 * Throws `bad_shape` for wishes that the base cannot fulfil, and `budget_too_small` naming the smallest budget that
 * would do.
 */
export function chooseShape(base: Base, budget: number, format: DraftFormat, wishes: Wishes = {}): DraftShape {
  checkWishes(base, wishes);
  const least = wishes.blocks ?? Math.min(LEAST_BLOCKS, base.config.layers);
  const heads = wishes.heads ?? base.config.heads;
  const widths = wishes.mlp === undefined ? widthsOf(base) : [wishes.mlp];
  const headSizes = wishes.head === undefined ? headSizesFor(base, budget, format) : [wishes.head];
  for (const head of headSizes) {
    const fits = (blocks: number, mlp: number) => draftBytes(base, { blocks, heads, mlp, head, format }) <= budget;
    const mlp = widths.find((width) => fits(least, width));
    if (mlp === undefined) continue;
    const blocks = wishes.blocks ?? deepest(base, (count) => fits(count, mlp));
    const isWhole = blocks === (wishes.blocks ?? base.config.layers);
    const width = isWhole && wishes.mlp === undefined ? widest(base, mlp, (wider) => fits(blocks, wider)) : mlp;
    return { blocks, heads, mlp: width, head, format };
  }
  throw tooSmall(base, budget, { blocks: least, heads, mlp: widths.at(-1)!, head: headSizes.at(-1)!, format });
}

/** A shape in words: "12 of 28 blocks, all 12 heads, 1,024 of 8,960 MLP channels, 16,384 of 151,936 tokens, lut4". */
export function describeShape({ config, tokens }: Base, { blocks, heads, mlp, head, format }: DraftShape): string {
  const count = (part: number, all: number, what: string): string =>
    part === all
      ? `all ${all.toLocaleString("en")} ${what}`
      : `${part.toLocaleString("en")} of ${all.toLocaleString("en")} ${what}`;
  return [
    count(blocks, config.layers, "blocks"),
    count(heads, config.heads, "heads"),
    count(mlp, config.feedForward, "MLP channels"),
    count(head, tokens, "tokens"),
    format,
  ].join(", ");
}

/** The narrowed widths of an MLP, the widest first. */
function widthsOf(base: Base): number[] {
  const { embedding } = base.config;
  return WIDTHS.map((share) => Math.min(widestOf(base), CHANNELS * Math.ceil((share * embedding) / CHANNELS)));
}

/** All channels, but for those over a multiple of CHANNELS. */
const widestOf = ({ config: { feedForward } }: Base): number => CHANNELS * Math.floor(feedForward / CHANNELS);

function deepest({ config: { layers } }: Base, fits: (blocks: number) => boolean): number {
  let blocks = layers;
  while (blocks > 1 && !fits(blocks)) blocks--;
  return blocks;
}

/** The widest MLP from `mlp` on that fits. */
function widest(base: Base, mlp: number, fits: (mlp: number) => boolean): number {
  let wide = mlp;
  while (wide + CHANNELS <= widestOf(base) && fits(wide + CHANNELS)) wide += CHANNELS;
  return wide;
}

/** Numbers of tokens to try: all, or the longest usual list that leaves the blocks their share, then shorter ones. */
function headSizesFor(base: Base, budget: number, format: DraftFormat): number[] {
  const bytes = (head: number): number =>
    draftBytes(base, { blocks: 0, heads: base.config.heads, mlp: CHANNELS, head, format });
  const least = leastHead(base);
  const sizes = [base.tokens, ...HEAD_SIZES.filter((head) => head < base.tokens && head > least), least];
  const first = sizes.findIndex((head) => bytes(head) <= HEAD_SHARE * budget);
  return sizes.slice(first < 0 ? -1 : first);
}

/** Bytes, special and end tokens alone. */
const leastHead = ({ always, tokens }: Base): number => Math.min(tokens, BLOCK_ROWS * Math.ceil(always / BLOCK_ROWS));

function checkWishes(base: Base, { blocks, heads, mlp, head }: Wishes): void {
  const { layers, feedForward, kvHeads } = base.config;
  const bad = (what: string) => new OutriderError("bad_shape", what);
  if (blocks !== undefined && !(blocks >= 1 && blocks <= layers)) {
    throw bad(`${blocks} blocks were asked for, and the model has ${layers}; ask for 1 to ${layers}`);
  }
  if (heads !== undefined && !(heads >= 1 && heads <= base.config.heads && heads % kvHeads === 0)) {
    throw bad(`${heads} heads were asked for; ask for a multiple of ${kvHeads} up to ${base.config.heads}`);
  }
  if (mlp !== undefined && !(mlp >= CHANNELS && mlp <= feedForward && mlp % CHANNELS === 0)) {
    throw bad(`${mlp} MLP channels were asked for; ask for a multiple of ${CHANNELS} up to ${widestOf(base)}`);
  }
  const least = leastHead(base);
  if (head !== undefined && head !== base.tokens && !(head >= least && head < base.tokens && head % BLOCK_ROWS === 0)) {
    throw bad(
      `a head of ${head} tokens was asked for; ask for a multiple of ${BLOCK_ROWS} from ${least}, ` +
        `because bytes and special tokens always stay, or for all ${base.tokens}`,
    );
  }
}

function tooSmall(base: Base, budget: number, smallest: DraftShape): OutriderError {
  const megabytes = (bytes: number) => (Math.ceil(bytes / 1e4) / 100).toFixed(2);
  return new OutriderError(
    "budget_too_small",
    `a budget of ${megabytes(budget)} MB is too small: ${describeShape(base, smallest)} take ` +
      `${megabytes(draftBytes(base, smallest))} MB; ask for that much, for a smaller format, or cut another ` +
      "model (--from)",
  );
}
