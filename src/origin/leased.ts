/** A sequence that is worked on only through its lease: whoever takes the session over waits for the slice, pass or token under way. */
import type { Worked } from "./passes.ts";
import type { Lease } from "./sequences.ts";

export function through(lease: Lease): Worked {
  const { sequence } = lease;
  return {
    timeline: sequence.timeline,
    prefill: () => lease.pass(() => sequence.prefill()),
    decide: (...draft) => lease.pass(() => sequence.decide(...draft)),
    ...(sequence.stream && { stream: (most: number) => leased(lease, sequence.stream!(most)) }),
  };
}

async function* leased<T>(lease: Lease, stream: AsyncGenerator<T, void>): AsyncGenerator<T, void> {
  try {
    for (;;) {
      const step = await lease.pass(() => stream.next());
      if (step.done) return;
      yield step.value;
    }
  } finally {
    await stream.return();
  }
}
