/**
 * A draft that draws more sharply than its target.
 *
 * Where a draft cannot know what its target will say, forward KL teaches it the mean of what the target might say. A
 * mean of distributions is flatter than each of them, so the draft's logits lie closer together than the target's.
 * Draft and target add the same noise to their logits. The draft's are therefore multiplied by the sharpness of its
 * pack first. A draw at a temperature that is lower by as much is the same draw, and its scores stay in units of the
 * draft's logits, as their errors do (chances.ts). At temperature 0 nothing changes.
 */
import type { Sampling } from "../speculate/types.ts";

/** How a draft draws for a target that draws by `sampling`. `sharpness` is its pack's (`drafting.sharpness`). */
export const sharpened = <S extends Sampling>(sampling: S, sharpness = 1): S => ({
  ...sampling,
  temperature: sampling.temperature / sharpness,
});
