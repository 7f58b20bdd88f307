/**
 * What may go wrong, as data, and the schedule that a seed gives. A schedule is rounds; in each a few clients ask at
 * once while the faults of the round strike. So a failure can be shrunk: fewer rounds, fewer faults.
 */
import { seeded } from "../support/random.ts";

/** Clients that ask at once. Each goes on with a conversation of its own. */
export const LANES = 8;
/** Gateways that the edge knows. */
export const GATEWAYS = 2;

/** What happens to one frame of one client's answer. */
export const WIRE = ["lose", "late", "double", "cut", "truncate", "mutate", "half-open"] as const;
/** What a gateway does with the next upgrade. */
export const UPGRADE = ["refuse", "hang", "busy"] as const;
/** What an engine does in one of its next passes; it may take all the memory that its process may have. */
export const ENGINE = ["stall", "lie", "crash", "exit", "exhaust"] as const;
/** What the storage of one client's Session looks like when it is read next. */
export const STORAGE = [
  "bytes of a page",
  "a lost page",
  "no page table",
  "another page table",
  "a damaged timeline",
  "no room for pages",
  "a damaged file",
] as const;
export const SESSION = ["evict", "reset"] as const;
export const CLIENT = ["leave", "race", "repeat"] as const;

export type Fault =
  | ({ readonly on: "wire"; readonly what: (typeof WIRE)[number]; readonly lane: number } & {
      readonly from: "edge" | "origin";
      readonly frame: number;
    })
  | { readonly on: "upgrade"; readonly what: (typeof UPGRADE)[number]; readonly gateway: number }
  | { readonly on: "engine"; readonly what: (typeof ENGINE)[number]; readonly gateway: number; readonly pass: number }
  | { readonly on: "storage"; readonly what: (typeof STORAGE)[number]; readonly lane: number }
  | { readonly on: "client"; readonly what: (typeof CLIENT)[number]; readonly lane: number; readonly chunk: number }
  /** SIGKILL, or SIGTERM, after so many ms of the round. */
  | { readonly on: "gateway"; readonly what: "kill" | "drain"; readonly gateway: number; readonly ms: number }
  /** After so many ms of the round the Session loses its memory once it is idle, or is replaced at once. */
  | { readonly on: "session"; readonly what: (typeof SESSION)[number]; readonly lane: number; readonly ms: number }
  /** A clock jumps by so many minutes. */
  | { readonly on: "clock"; readonly what: "edge" | "gateway"; readonly minutes: number }
  /** From so many ms of the round to its end the disk is full under all that is stored. */
  | { readonly on: "disk"; readonly what: "full"; readonly ms: number }
  /** SIGKILL of workerd after so many ms of the round. */
  | { readonly on: "edge"; readonly what: "kill"; readonly ms: number };

export interface Round {
  /** Seeds what a client asks, and how. */
  readonly seed: number;
  readonly faults: readonly Fault[];
}

/** Four for each client. */
const FAULTS_PER_ROUND = 4 * LANES;

/** The rounds of a seed, without an end. */
export function* scheduleOf(seed: number): Generator<Round, never> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const one = <T>(of: readonly T[]): T => of[below(of.length)]!;
  const lane = () => below(LANES);
  const gateway = () => below(GATEWAYS);
  const kinds: readonly [number, () => Fault][] = [
    // An edge sends fewer frames.
    [22, () => ({ on: "wire", what: one(WIRE), lane: lane(), from: "edge", frame: below(6) })],
    [23, () => ({ on: "wire", what: one(WIRE), lane: lane(), from: "origin", frame: below(12) })],
    [6, () => ({ on: "upgrade", what: one(UPGRADE), gateway: gateway() })],
    [8, () => ({ on: "engine", what: one(ENGINE), gateway: gateway(), pass: below(40) })],
    [12, () => ({ on: "storage", what: one(STORAGE), lane: lane() })],
    [14, () => ({ on: "client", what: one(CLIENT), lane: lane(), chunk: below(8) })],
    [3, () => ({ on: "gateway", what: one(["kill", "drain"]), gateway: gateway(), ms: below(400) })],
    [7, () => ({ on: "session", what: one(SESSION), lane: lane(), ms: below(400) })],
    [2, () => ({ on: "clock", what: "edge", minutes: below(6000) - 3000 })],
    // A gateway's clock is a steady one: it may jump where the machine slept, and never back.
    [1, () => ({ on: "clock", what: "gateway", minutes: below(3000) })],
    // All Sessions of its round go on without what they store.
    [0.4, () => ({ on: "disk", what: "full", ms: below(400) })],
    // Hardly anything else strikes in its round.
    [0.4, () => ({ on: "edge", what: "kill", ms: below(400) })],
  ];
  const total = kinds.reduce((sum, [weight]) => sum + weight, 0);
  const fault = (): Fault => {
    let at = random() * total;
    for (const [weight, make] of kinds) if ((at -= weight) < 0) return make();
    return kinds[0]![1]();
  };
  for (;;) yield { seed: below(2 ** 31), faults: Array.from({ length: FAULTS_PER_ROUND }, fault) };
}
