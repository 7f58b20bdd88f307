/**
 * JSON numbers within bounds, as a table over their characters. Numbers without bounds have any form that JSON has;
 * those with bounds are written without an exponent.
 *
 *   −?  digits of the integer part, without leading zeros  ( . digits )?
 *
 * While the digits arrive, the table knows how the number compares with each bound so far, and its remainder.
 */
import type { Table } from "./expression.ts";

interface NumberBounds {
  readonly integer: boolean;
  readonly minimum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly multipleOf?: number | undefined;
}

/** A number in digits. */
interface Decimal {
  readonly negative: boolean;
  /** Of the integer part, "0" at least. */
  readonly whole: string;
  /** Behind the point, without zeros at its end. */
  readonly part: string;
}

interface Bound {
  readonly value: Decimal;
  readonly isLower: boolean;
  readonly exclusive: boolean;
}

/** Where a number is: before anything, behind the sign, in its digits, behind a point, in the digits behind it. */
const PHASES = ["start", "sign", "zero", "whole", "point", "part"] as const;
type Phase = (typeof PHASES)[number];

interface Progress {
  readonly phase: Phase;
  readonly negative: boolean;
  /** Digits of the integer part so far, no more than matter. */
  readonly wholeDigits: number;
  /** Digits behind the point so far, no more than matter. */
  readonly partDigits: number;
  /** For each bound: −1, 0 or 1 as the digits so far are smaller than the bound's, the same, or greater. */
  readonly compared: readonly number[];
  /** Whether any digit is not zero. */
  readonly nonzero: boolean;
  readonly remainder: number;
  /** Whether all digits that no multiple has were zeros. */
  readonly isMultiple: boolean;
}

/** Remainders beyond this would make too large a table. */
const MAX_DIVISOR = 10_000;

/** Null where the bounds cannot be kept: a divisor with too many digits. */
export function numberTable(bounds: NumberBounds): Table | null {
  const list = boundsOf(bounds);
  const divisor = bounds.multipleOf === undefined ? { by: 1, digits: 0 } : divisorOf(bounds.multipleOf);
  if (!divisor) return null;
  const mostWhole = Math.max(0, ...list.map(({ value }) => value.whole.length)) + 1;
  const mostPart = Math.max(divisor.digits, 0, ...list.map(({ value }) => value.part.length)) + 1;

  const withWhole = (at: Progress, digit: number): Progress => ({
    ...at,
    phase: at.phase !== "whole" && digit === 0 ? "zero" : "whole",
    wholeDigits: Math.min(at.wholeDigits + 1, mostWhole),
    compared: at.compared.map(
      (so, i) => so || Math.sign(digit - Number(list[i]!.value.whole[at.wholeDigits] ?? digit)),
    ),
    nonzero: at.nonzero || digit !== 0,
    remainder: (at.remainder * 10 + digit) % divisor.by,
  });
  const withPart = (at: Progress, digit: number): Progress => ({
    ...at,
    phase: "part",
    partDigits: Math.min(at.partDigits + 1, mostPart),
    compared: at.compared.map((so, i) => so || Math.sign(digit - Number(list[i]!.value.part[at.partDigits] ?? 0))),
    nonzero: at.nonzero || digit !== 0,
    remainder: at.partDigits < divisor.digits ? (at.remainder * 10 + digit) % divisor.by : at.remainder,
    isMultiple: at.isMultiple && (!bounds.multipleOf || at.partDigits < divisor.digits || digit === 0),
  });
  /** The whole part is over: a longer one is greater. */
  const behindWhole = (at: Progress): Progress => ({
    ...at,
    phase: "point",
    compared: at.compared.map((so, i) => Math.sign(at.wholeDigits - list[i]!.value.whole.length) || so),
  });

  const read = (at: Progress, char: string): Progress | null => {
    const digit = char >= "0" && char <= "9" ? Number(char) : -1;
    switch (at.phase) {
      case "start":
        if (char === "-") return { ...at, phase: "sign", negative: true };
        return digit < 0 ? null : withWhole(at, digit);
      case "sign":
        return digit < 0 ? null : withWhole(at, digit);
      case "zero":
      case "whole":
        if (char === "." && !bounds.integer) return behindWhole(at);
        return digit < 0 || at.phase === "zero" ? null : withWhole(at, digit);
      default:
        return digit < 0 ? null : withPart(at, digit);
    }
  };

  const accepts = (at: Progress): boolean => {
    if (at.phase !== "zero" && at.phase !== "whole" && at.phase !== "part") return false;
    const ended = at.phase === "part" ? at : behindWhole(at);
    let { remainder } = at;
    for (let digit = at.partDigits; digit < divisor.digits; digit++) remainder = (remainder * 10) % divisor.by;
    if (remainder !== 0 || !at.isMultiple) return false;
    return list.every((bound, i) => {
      const { value } = bound;
      // The bound may have more digits behind the point than the number.
      const rest = /[1-9]/.test(value.part.slice(ended.partDigits)) ? -1 : 0;
      const sign = compare(ended.compared[i]! || rest, ended.negative && ended.nonzero, ended.nonzero, value);
      return sign === 0 ? !bound.exclusive : sign > 0 === bound.isLower;
    });
  };

  const nothing = { wholeDigits: 0, partDigits: 0, nonzero: false, remainder: 0, isMultiple: true };
  return {
    start: written({ phase: "start", negative: false, compared: list.map(() => 0), ...nothing }),
    step(state, byte) {
      const next = read(progressOf(state), String.fromCharCode(byte));
      return next && written(next);
    },
    accepts: (state) => accepts(progressOf(state)),
  };
}

/** A progress as a state of the table, and back: the table remembers none, however many there are. */
function written({ phase, negative, nonzero, isMultiple, ...at }: Progress): string {
  const flags = Number(negative) + 2 * Number(nonzero) + 4 * Number(isMultiple);
  return [PHASES.indexOf(phase), flags, at.wholeDigits, at.partDigits, at.remainder, ...at.compared].join();
}

function progressOf(state: string): Progress {
  const [phase, flags, wholeDigits, partDigits, remainder, ...compared] = state.split(",").map(Number);
  return {
    phase: PHASES[phase!]!,
    negative: (flags! & 1) !== 0,
    nonzero: (flags! & 2) !== 0,
    isMultiple: (flags! & 4) !== 0,
    wholeDigits: wholeDigits!,
    partDigits: partDigits!,
    remainder: remainder!,
    compared,
  };
}

/** −1, 0 or 1: a number against a bound, by its size against the bound's and both signs. */
function compare(size: number, negative: boolean, nonzero: boolean, bound: Decimal): number {
  const isZero = bound.whole === "0" && bound.part === "";
  if (!nonzero) return isZero ? 0 : bound.negative ? 1 : -1;
  if (negative !== (bound.negative && !isZero)) return negative ? -1 : 1;
  return negative ? -size : size;
}

function boundsOf({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }: NumberBounds): Bound[] {
  const bound = (value: number | undefined, isLower: boolean, exclusive: boolean): Bound[] =>
    value === undefined ? [] : [{ value: boundDigits(value, isLower, exclusive), isLower, exclusive }];
  return [
    ...bound(minimum, true, false),
    ...bound(exclusiveMinimum, true, true),
    ...bound(maximum, false, false),
    ...bound(exclusiveMaximum, false, true),
  ];
}

/**
 * The digits of a bound. From 2^53 on JSON.parse rounds what a client has written: of a power of two it is the number
 * before, the largest of an integer type, that was meant.
 */
function boundDigits(value: number, isLower: boolean, exclusive: boolean): Decimal {
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return decimal(value);
  const exact = BigInt(value);
  const isPower = exact > 0n && (exact & (exact - 1n)) === 0n;
  const meant = isPower && !isLower && !exclusive ? exact - 1n : exact;
  return { negative: value < 0, whole: String(meant).replace("-", ""), part: "" };
}

/** The digits of a number, its exponent written out. */
function decimal(value: number): Decimal {
  const [, sign, digits = "0", point = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  const shift = Number(exponent);
  const all = digits + point;
  const at = digits.length + shift;
  const padded = at <= 0 ? "0".repeat(1 - at) + all : all.padEnd(at, "0");
  const split = Math.max(1, at);
  const whole = padded.slice(0, split).replace(/^0+(?=\d)/, "");
  return { negative: sign === "-", whole, part: padded.slice(split).replace(/0+$/, "") };
}

/** A divisor as a whole number of its last digit. */
function divisorOf(value: number): { readonly by: number; readonly digits: number } | null {
  const { whole, part } = decimal(Math.abs(value));
  const by = Number(whole + part);
  return by > 0 && by <= MAX_DIVISOR && part.length <= 6 ? { by, digits: part.length } : null;
}
