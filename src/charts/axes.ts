/**
 * Axes of an SVG plot, linear or logarithmic, with their ticks and lines. Colours are classes of the page around it.
 */
import { escapeHtml } from "./html.ts";

/** A picture and the margins around what is plotted in it, in its own units. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Axis {
  /** What it measures, and in which unit. */
  readonly name: string;
  /** Where a value lies. */
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** Ends of the axes in the picture: x from left to right, y from the floor up. */
export const acrossOf = ({ width, left, right }: Frame): [number, number] => [left, width - right];
export const upOf = ({ height, top, bottom }: Frame): [number, number] => [height - bottom, top];

/** Coordinates with a tenth of a unit. */
export const fix = (value: number): string => value.toFixed(1);

/** `low` lies at `from` and `high` at `to`. */
export const scale =
  (low: number, high: number, [from, to]: readonly [number, number]) =>
  (value: number): number =>
    from + ((value - low) / (high - low)) * (to - from);

/** Round steps of 1, 2 or 5 around all values; about so many ticks. */
export function linearAxis(name: string, values: readonly number[], ends: [number, number], ticks = 6): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
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

/** Logarithmic, from 1, 2 or 5 of a power of ten to another, for positive values. */
export function logarithmicAxis(name: string, values: readonly number[], ends: [number, number]): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const marks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.ceil(Math.log10(most)); power++) {
    for (const digit of [1, 2, 5]) marks.push(Number(`${digit}e${power}`));
  }
  const low = marks.findLastIndex((mark) => mark <= least);
  const high = Math.max(
    low + 1,
    marks.findIndex((mark) => mark >= most),
  );
  const at = scale(Math.log(marks[low]!), Math.log(marks[high]!), ends);
  return {
    name,
    at: (value) => at(Math.log(value)),
    ticks: marks.slice(low, high + 1).map((value) => ({ value, label: String(value) })),
  };
}

/** The smallest of 1, 2, 5 and 10 of a power of ten that is at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((digit) => digit * power >= least * (1 - 1e-9))!;
}

/** Lines at the ticks of both axes, and their names. */
export function grid(frame: Frame, x: Axis, y: Axis): string {
  const { width, height, left, right } = frame;
  const [floor, ceiling] = upOf(frame);
  return [
    ...x.ticks.map(
      ({ value, label }) =>
        `<path class="grid" d="M${fix(x.at(value))} ${ceiling}V${floor}"/><text class="tick" x="${fix(x.at(value))}" y="${floor + 18}" text-anchor="middle">${label}</text>`,
    ),
    rungs(frame, y),
    `<text class="axis" x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">${escapeHtml(x.name)}</text>`,
  ].join("\n");
}

/** The part of the grid that belongs to y. */
export function rungs(frame: Frame, y: Axis): string {
  const { left } = frame;
  const [floor, ceiling] = upOf(frame);
  const end = frame.width - frame.right;
  return [
    ...y.ticks.map(
      ({ value, label }) =>
        `<path class="grid" d="M${left} ${fix(y.at(value))}H${end}"/><text class="tick" x="${left - 8}" y="${fix(y.at(value) + 4)}" text-anchor="end">${label}</text>`,
    ),
    `<text class="axis" transform="translate(16 ${(ceiling + floor) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(y.name)}</text>`,
  ].join("\n");
}
