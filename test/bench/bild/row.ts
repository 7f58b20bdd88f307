/** Of all questions under one setting. */
export interface Row {
  readonly fallback: number;
  /** Null is the exact rule. */
  readonly rollback: number | null;
  readonly passes_per_token: number;
  readonly changed: number;
  /** Share of answers that are not the exact rule's. */
  readonly other_answers: number;
  readonly lost_nats: number;
  readonly right: number;
}
