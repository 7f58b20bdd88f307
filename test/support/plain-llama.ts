/** A Llama in f64 and plain loops, token by token: what calibration's engine is compared with. */
import type { PackedModel } from "../../src/core/format/pack.ts";
import { decodeTensor } from "../../src/core/model/decode.ts";
import { blockTensor, EMBEDDING, FINAL_NORM, HEAD } from "../../src/core/model/tensors.ts";

type Rows = Float64Array[];

/** What a block's matrices multiply, and the residual stream around it. */
export interface PlainBlock {
  readonly before: Rows;
  readonly qkv: Rows;
  readonly o: Rows;
  readonly gateUp: Rows;
  readonly down: Rows;
  readonly after: Rows;
}

export class PlainLlama {
  readonly #config: PackedModel["config"];
  /** Tensors by name, (rows, cols); a test may change them. */
  readonly tensors: Map<string, Float64Array>;

  constructor({ config, tensors }: PackedModel) {
    this.#config = config;
    this.tensors = new Map([...tensors].map(([name, of]) => [name, Float64Array.from(decodeTensor(of, of.bytes))]));
  }

  /** The blocks' insides and the logits of every token. */
  run(tokens: readonly number[]): { blocks: PlainBlock[]; logits: Rows } {
    const { layers, embedding: E, tied } = this.#config;
    const table = this.tensors.get(EMBEDDING)!;
    let x: Rows = tokens.map((token) => table.slice(token * E, (token + 1) * E));
    const blocks: PlainBlock[] = [];
    for (let layer = 0; layer < layers; layer++) {
      const block = this.#block(layer, x);
      blocks.push(block);
      x = block.after;
    }
    const normed = this.#norm(x, FINAL_NORM);
    return { blocks, logits: this.#multiply(normed, tied ? EMBEDDING : HEAD) };
  }

  /** ln softmax of every token's logits. */
  logProbabilities(tokens: readonly number[]): Rows {
    return this.run(tokens).logits.map((row) => {
      const top = row.reduce((a, b) => Math.max(a, b));
      const sum = top + Math.log(row.reduce((total, value) => total + Math.exp(value - top), 0));
      return row.map((value) => value - sum);
    });
  }

  /** Mean cross-entropy of the next token. */
  loss(tokens: readonly number[]): number {
    const rows = this.logProbabilities(tokens);
    return -tokens.slice(1).reduce((sum, next, t) => sum + rows[t]![next]!, 0) / (tokens.length - 1);
  }

  #block(layer: number, before: Rows): PlainBlock {
    const { heads: H, kvHeads: G, headSize: D, feedForward: F, ropeTheta } = this.#config;
    const multiply = (x: Rows, suffix: string) => this.#multiply(x, blockTensor(layer, suffix));
    const add = (x: Rows, y: Rows): Rows => x.map((row, t) => row.map((value, i) => value + y[t]![i]!));
    const turn = (x: Rows, heads: number): Rows =>
      x.map((row, t) => {
        const out = row.slice();
        for (let head = 0; head < heads; head++) {
          for (let i = 0; i < D / 2; i++) {
            const angle = t * ropeTheta ** ((-2 * i) / D);
            const [a, b] = [row[head * D + i]!, row[head * D + i + D / 2]!];
            out[head * D + i] = a * Math.cos(angle) - b * Math.sin(angle);
            out[head * D + i + D / 2] = b * Math.cos(angle) + a * Math.sin(angle);
          }
        }
        return out;
      });

    const project = (name: string): Rows => {
      const bias = this.tensors.get(blockTensor(layer, `self_attn.${name}_proj.bias`));
      const rows = multiply(qkv, `self_attn.${name}_proj.weight`);
      return bias ? rows.map((row) => row.map((value, i) => value + bias[i]!)) : rows;
    };

    const qkv = this.#norm(before, blockTensor(layer, "input_layernorm.weight"));
    const q = turn(this.#normHeads(project("q"), blockTensor(layer, "self_attn.q_norm.weight")), H);
    const k = turn(this.#normHeads(project("k"), blockTensor(layer, "self_attn.k_norm.weight")), G);
    const v = project("v");
    const o = q.map((query, t) => {
      const out = new Float64Array(H * D);
      for (let head = 0; head < H; head++) {
        const group = Math.floor((head * G) / H);
        const weights = k.slice(0, t + 1).map((key) => {
          let dot = 0;
          for (let i = 0; i < D; i++) dot += query[head * D + i]! * key[group * D + i]!;
          return Math.exp(dot / Math.sqrt(D));
        });
        const sum = weights.reduce((a, b) => a + b);
        for (const [s, weight] of weights.entries()) {
          for (let i = 0; i < D; i++) out[head * D + i]! += (weight / sum) * v[s]![group * D + i]!;
        }
      }
      return out;
    });
    const middle = add(before, multiply(o, "self_attn.o_proj.weight"));
    const gateUp = this.#norm(middle, blockTensor(layer, "post_attention_layernorm.weight"));
    const gate = multiply(gateUp, "mlp.gate_proj.weight");
    const up = multiply(gateUp, "mlp.up_proj.weight");
    const down = gate.map((row, t) => {
      return Float64Array.from({ length: F }, (_, i) => (row[i]! / (1 + Math.exp(-row[i]!))) * up[t]![i]!);
    });
    return { before, qkv, o, gateUp, down, after: add(middle, multiply(down, "mlp.down_proj.weight")) };
  }

  #norm(x: Rows, name: string): Rows {
    const weight = this.tensors.get(name)!;
    return x.map((row) => {
      const mean = row.reduce((sum, value) => sum + value * value, 0) / row.length;
      return row.map((value, i) => (value * weight[i]!) / Math.sqrt(mean + this.#config.normEpsilon));
    });
  }

  /** Each head's own norm, where the architecture has one. */
  #normHeads(x: Rows, name: string): Rows {
    if (!this.tensors.has(name)) return x;
    const { headSize: D } = this.#config;
    return x.map((row) => {
      const heads = Array.from({ length: row.length / D }, (_, n) => row.slice(n * D, (n + 1) * D));
      return Float64Array.from(this.#norm(heads, name).flatMap((head) => [...head]));
    });
  }

  #multiply(x: Rows, name: string): Rows {
    const weights = this.tensors.get(name)!;
    return x.map((row) => {
      const cols = row.length;
      const out = new Float64Array(weights.length / cols);
      for (let r = 0; r < out.length; r++) {
        let sum = 0;
        for (let k = 0; k < cols; k++) sum += weights[r * cols + k]! * row[k]!;
        out[r] = sum;
      }
      return out;
    });
  }
}
