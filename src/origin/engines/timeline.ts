/** The part of a sequence that is the same for all engines: its tokens. What is computed of them is each engine's own. */
export abstract class Timeline {
  readonly timeline: number[] = [];

  append(tokens: readonly number[]): void {
    for (const token of tokens) this.timeline.push(token);
  }

  cut(length: number): void {
    this.timeline.length = Math.min(this.timeline.length, length);
  }
}
