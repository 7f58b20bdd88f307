/**
 * Axes of an SVG plot, linear or logarithmic, with their ticks and lines. Colours are classes of the page around it.
 */
import { element, label } from "./svg.ts";

/** A picture and the margins around what is plotted in it, in its own units. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

interface Tick {
  readonly value: number;
  readonly label: string;
}

export interface Axis {
  /** What the axis measures, and in which unit. */
  readonly name: string;
  /** Position of a value in the picture. */
  readonly at: (value: number) => number;
  /** Ascending; the first and the last are the ends of the axis. */
  readonly ticks: readonly Tick[];
}

/** Where an axis begins and ends in the picture. */
type Ends = readonly [from: number, to: number];

/** Ends of the x axis, from left to right. */
export const acrossOf = ({ width, left, right }: Frame): Ends => [left, width - right];

/** Ends of the y axis, from the floor up. */
export const upOf = ({ height, top, bottom }: Frame): Ends => [height - bottom, top];

/** An axis around all values, with steps of 1, 2 or 5 times a power of ten; it has about `ticks` ticks. */
export function linearAxis(name: string, values: readonly number[], ends: Ends, ticks = 6): Axis {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const step = roundStep((most - least || Math.abs(most) || 1) / ticks);
  const first = Math.floor(least / step);
  const count = Math.max(1, Math.ceil(most / step) - first);
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  return {
    name,
    at: scale(first * step, (first + count) * step, ends),
    ticks: Array.from({ length: count + 1 }, (_, n) => {
      const value = (first + n) * step;
      return { value, label: value.toFixed(digits) };
    }),
  };
}

/** A logarithmic axis around positive values, with ticks at 1, 2 and 5 times the powers of ten. */
export function logarithmicAxis(name: string, values: readonly number[], ends: Ends): Axis {
  const least = Math.min(...values);
  const most = Math.max(...values);
  const marks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const digit of [1, 2, 5]) marks.push(Number(`${digit}e${power}`));
  }
  const low = marks.findLastIndex((mark) => mark <= least);
  const high = Math.max(
    low + 1,
    marks.findIndex((mark) => mark >= most),
  );
  return logarithmic(name, marks.slice(low, high + 1), ends, String);
}

/** A logarithmic axis around positive values, with a tick at each power of `base`. */
export function powerAxis(
  name: string,
  base: number,
  values: readonly number[],
  ends: Ends,
  labelOf: (value: number) => string,
): Axis {
  // A tolerance, because the logarithm of a power of the base may fall just beside a whole number.
  const low = Math.floor(Math.log(Math.min(...values)) / Math.log(base) + 1e-9);
  const high = Math.ceil(Math.log(Math.max(...values)) / Math.log(base) - 1e-9);
  const count = Math.max(1, high - low);
  return logarithmic(
    name,
    Array.from({ length: count + 1 }, (_, n) => base ** (low + n)),
    ends,
    labelOf,
  );
}

function logarithmic(name: string, marks: readonly number[], ends: Ends, labelOf: (value: number) => string): Axis {
  const at = scale(Math.log(marks[0]!), Math.log(marks.at(-1)!), ends);
  return {
    name,
    at: (value) => at(Math.log(value)),
    ticks: marks.map((value) => ({ value, label: labelOf(value) })),
  };
}

/** `low` lies at the first end and `high` at the second. */
const scale =
  (low: number, high: number, [from, to]: Ends) =>
  (value: number): number =>
    from + ((value - low) / (high - low)) * (to - from);

/** The smallest of 1, 2, 5 and 10 times a power of ten that is at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((digit) => digit * power >= least * (1 - 1e-9))!;
}

/** The lines, tick labels and names of both axes. */
export function grid(frame: Frame, x: Axis, y: Axis): string {
  return [...xGrid(frame, x), ...yGrid(frame, y)].join("\n");
}

/** The lines, tick labels and name of the x axis. */
export function xGrid(frame: Frame, { name, at, ticks }: Axis): string[] {
  const [floor, ceiling] = upOf(frame);
  const [start, end] = acrossOf(frame);
  const lines = ticks.flatMap(({ value, label: text }) => [
    element("path", { class: "grid", d: `M${at(value).toFixed(1)} ${ceiling}V${floor}` }),
    label(text, { class: "tick", x: at(value), y: floor + 18, "text-anchor": "middle" }),
  ]);
  const middle = { x: (start + end) / 2, y: frame.height - 10, "text-anchor": "middle" };
  return [...lines, label(name, { class: "axis", ...middle })];
}

/** The lines, tick labels and name of the y axis. */
function yGrid(frame: Frame, { name, at, ticks }: Axis): string[] {
  const [floor, ceiling] = upOf(frame);
  const [start, end] = acrossOf(frame);
  const lines = ticks.flatMap(({ value, label: text }) => [
    element("path", { class: "grid", d: `M${start} ${at(value).toFixed(1)}H${end}` }),
    label(text, { class: "tick", x: start - 8, y: at(value) + 4, "text-anchor": "end" }),
  ]);
  const upright = { transform: `translate(16 ${(ceiling + floor) / 2}) rotate(-90)`, "text-anchor": "middle" };
  return [...lines, label(name, { class: "axis", ...upright })];
}
