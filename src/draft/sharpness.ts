/**
 * How far apart a target's logits lie, where its draft's lie one apart.
 *
 * Where a draft cannot know what its target will say, forward KL teaches it the mean of what the target might say, and
 * a mean of distributions is flatter than each of them. The target's logits, as far as the draft knows them, are
 * therefore some times the draft's. Both add the same noise to their logits, in the target's units. So the drafter
 * draws at a temperature that is lower by as much; what its draws maximise, and the errors of that (chances.ts), stay
 * in units of the draft's logits. At temperature 0 nothing changes.
 */
import type { Sampling } from "../speculate/types.ts";

/** How a draft draws for a target that draws by `sampling`. `sharpness` is its pack's (`drafting.sharpness`). */
export const sharpened = (sampling: Sampling, sharpness = 1): Sampling => ({
  ...sampling,
  temperature: sampling.temperature / sharpness,
});
