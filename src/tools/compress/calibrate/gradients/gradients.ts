/**
 * Gradients of each window's mean cross-entropy with respect to every matrix and norm of the blocks. Keeps two sums over
 * windows: of the gradients, for Taylor saliency, and of their squares, for the diagonal of Fisher's information.
 */

import type { BlockSuffix } from "../../../../core/model/tensors.ts";
import type { FloatLlama, Window } from "../float-llama.ts";
import { windowBytes } from "../float-llama.ts";
import type { Step } from "../journal.ts";
import { tapeBytes, vectorGradients } from "../passes/block-backward.ts";
import { layOut } from "../passes/lay-out.ts";
import { blockAddresses, blockMatrices, type Shape, shapeOf } from "../passes/shape.ts";
import { tapeSlotBytes } from "../tasks/backward.ts";
import { savedSlotBytes } from "../tasks/forward.ts";
import { weightGradientParts } from "../tasks/weight-gradient.ts";

/** Name under which a step keeps its number of windows. */
const KEPT = "windows";

export class Gradients {
  readonly #llama: FloatLlama;
  readonly #sums: number[];
  readonly #squares: number[];
  #losses: number[] = [];

  /** Starts at zero. Takes twice the memory of the blocks. */
  constructor(llama: FloatLlama) {
    this.#llama = llama;
    const { arena } = llama.pool;
    const { floats } = blockMatrices(llama.config);
    const zeros = (): number[] =>
      Array.from({ length: llama.config.layers }, () => {
        const at = arena.allocate(4 * floats);
        arena.floats(at, floats).fill(0);
        return at;
      });
    this.#sums = zeros();
    this.#squares = zeros();
  }

  release(): void {
    for (const at of [...this.#sums, ...this.#squares]) this.#llama.pool.arena.free(at);
  }

  /** Mean loss of each window so far. */
  get losses(): readonly number[] {
    return this.#losses;
  }

  /** Σ over windows of the gradient of the window's mean loss, (rows, cols); a view. */
  sum(layer: number, suffix: BlockSuffix): Float32Array {
    return this.#view(this.#sums[layer]!, suffix);
  }

  /** Σ over windows of the squares of the same gradients. */
  squares(layer: number, suffix: BlockSuffix): Float32Array {
    return this.#view(this.#squares[layer]!, suffix);
  }

  /** Keeps the sums over the first `windows` windows, for `restore`. */
  async keep(step: Step, windows: number): Promise<void> {
    for (const [name, bytes] of this.#regions()) await step.save(`${name}-of-${windows}`, bytes);
    await step.save(KEPT, new TextEncoder().encode(String(windows)));
  }

  /** Restores kept sums into empty ones. Returns of how many windows they are; 0 if nothing was kept. */
  async restore(step: Step): Promise<number> {
    const kept = await step.load(KEPT);
    if (!kept) return 0;
    const windows = Number(new TextDecoder().decode(kept));
    for (const [name, bytes] of this.#regions()) bytes.set((await step.load(`${name}-of-${windows}`))!);
    return windows;
  }

  /** The bytes of all sums and squares. */
  #regions(): (readonly [string, Uint8Array])[] {
    const { arena } = this.#llama.pool;
    const { floats } = blockMatrices(this.#llama.config);
    const bytes = (values: Float32Array) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [
      ...this.#sums.map((at, layer) => [`sums-${layer}`, bytes(arena.floats(at, floats))] as const),
      ...this.#squares.map((at, layer) => [`squares-${layer}`, bytes(arena.floats(at, floats))] as const),
    ];
  }

  #view(block: number, suffix: BlockSuffix): Float32Array {
    const { rows, cols, offset } = blockMatrices(this.#llama.config).tensors[suffix];
    return this.#llama.pool.arena.floats(block + 4 * offset, rows * cols);
  }

  /**
   * Adds the gradients of windows, as many at a time as there are threads. `done` is called with how many are in, and
   * stops the work by rejecting.
   */
  async add(windows: readonly Window[], done: (windows: number) => Promise<void> = async () => {}): Promise<void> {
    const { threads } = this.#llama.pool;
    for (let first = 0; first < windows.length; first += threads) {
      await this.#addBatch(windows.slice(first, first + threads));
      await done(Math.min(windows.length, first + threads));
    }
  }

  async #addBatch(windows: readonly Window[]): Promise<void> {
    const llama = this.#llama;
    const { pool, config } = llama;
    const { arena } = pool;
    const count = windows.length;
    const shape = shapeOf(config, windows[0]!.length);
    const states = llama.embed(windows);
    const perBlock = count * savedSlotBytes(shape);
    const saved = arena.allocate(config.layers * perBlock);
    for (let layer = 0; layer < config.layers; layer++) await llama.runBlock(layer, states, saved + layer * perBlock);

    const regions = {
      losses: arena.allocate(8 * count),
      d: arena.allocate(count * windowBytes(shape)),
      tapes: arena.allocate(count * tapeSlotBytes(shape)),
    };
    const { losses, d, tapes } = regions;
    const { hidden, tokens } = states;
    await pool.run({ kind: "head-backward", shape, head: llama.head, hidden, tokens, losses, d }, count);
    this.#losses.push(...arena.doubles(losses, count));

    const rope = llama.rope(shape);
    for (let layer = config.layers - 1; layer >= 0; layer--) {
      const own = saved + layer * perBlock;
      const [sums, squares] = [this.#sums[layer]!, this.#squares[layer]!];
      const weights = llama.block(layer, shape);
      await pool.run({ kind: "backward", shape, weights, rope, saved: own, d, tapes }, count);
      const task = { kind: "weight-gradient", shape, windows: count, saved: own, tapes, sums, squares } as const;
      await pool.run(task, weightGradientParts(shape));
      for (let n = 0; n < count; n++) this.#addVectors(shape, tapes + n * tapeSlotBytes(shape), sums, squares);
    }
    for (const at of [...Object.values(regions), saved]) arena.free(at);
    llama.releaseHidden(states);
  }

  #addVectors(shape: Shape, tape: number, sums: number, squares: number): void {
    const { arena } = this.#llama.pool;
    const from = layOut(tape, tapeBytes(shape)).at;
    for (const { gradient, vector, floats } of vectorGradients(shape)) {
      const place = (block: number) => arena.floats(blockAddresses(shape, block)[vector], floats);
      const [sum, square] = [place(sums), place(squares)];
      for (const [i, value] of arena.floats(from[gradient], floats).entries()) {
        sum[i]! += value;
        square[i]! += value * value;
      }
    }
  }
}
