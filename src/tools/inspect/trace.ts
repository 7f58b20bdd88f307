/** Kernels that record every call and its duration, while asked to. */
import { KERNEL_NAMES, type Kernels } from "../../core/kernels/abi.ts";

export interface Call {
  readonly kernel: keyof Kernels;
  readonly args: readonly number[];
  readonly seconds: number;
}

type Kernel = (...args: number[]) => unknown;

export class Trace {
  /**
   * The kernels to give to the model. Outside `record` they are the module's own functions, so timing the model
   * measures only the model.
   */
  readonly kernels: Kernels;
  readonly #own: Record<string, Kernel>;
  readonly #timed: Record<string, Kernel>;
  #calls: Call[] = [];

  constructor(kernels: Kernels) {
    this.#own = Object.fromEntries(KERNEL_NAMES.map((name) => [name, kernels[name] as Kernel]));
    this.#timed = Object.fromEntries(KERNEL_NAMES.map((name) => [name, this.#timing(name, kernels[name] as Kernel)]));
    this.kernels = { ...this.#own } as unknown as Kernels;
  }

  /** The calls that `run` made, in order. */
  record(run: () => void): Call[] {
    this.#calls = [];
    Object.assign(this.kernels, this.#timed);
    try {
      run();
    } finally {
      Object.assign(this.kernels, this.#own);
    }
    return this.#calls;
  }

  /** Runs with kernels that do nothing and return 0: the remaining time is that of everything outside them. */
  idle(run: () => void): void {
    for (const name of KERNEL_NAMES) (this.kernels as unknown as Record<string, Kernel>)[name] = () => 0;
    try {
      run();
    } finally {
      Object.assign(this.kernels, this.#own);
    }
  }

  #timing(kernel: keyof Kernels, run: Kernel): Kernel {
    return (...args) => {
      const started = performance.now();
      const result = run(...args);
      this.#calls.push({ kernel, args, seconds: (performance.now() - started) / 1000 });
      return result;
    };
  }
}
