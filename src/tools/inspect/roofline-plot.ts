/**
 * The roofline as one SVG: multiply-adds per second over multiply-adds per byte, both logarithmic. Roofs are lines.
 * Operations are dots; a dot's area is the operation's share of the pass. Colours are CSS variables of the page around
 * it.
 */
import { type Axis, acrossOf, type Frame, grid, powerAxis, upOf } from "../charts/axes.ts";
import { type Box, labels } from "../charts/labels.ts";
import { element, fix, label, picture, tooltip } from "../charts/svg.ts";
import { totalBytes, totalMacs } from "./cost.ts";
import type { InspectedPass, Inspection } from "./inspection.ts";
import { peak, type Roofs } from "./roof.ts";

const FRAME: Frame = { width: 960, height: 600, left: 64, right: 16, top: 16, bottom: 52 };

interface Dot {
  readonly kind: InspectedPass["kind"];
  readonly name: string;
  /** Multiply-adds a byte. */
  readonly intensity: number;
  /** Multiply-adds a second. */
  readonly rate: number;
  /** Share of the time of its pass. */
  readonly share: number;
}

interface Axes {
  readonly x: Axis;
  readonly y: Axis;
}

/** A roof that does not rise with intensity. */
interface Flat {
  readonly name: string;
  readonly rate: number;
}

export function rooflinePlot(inspection: Inspection): string {
  const { roofs, decode, prefill } = inspection;
  const dots = [...dotsOf(decode), ...dotsOf(prefill)];
  const flats = flatsOf(inspection);
  const axes = axesFor(dots, highest(flats));
  const marks = [...dots]
    .sort((a, b) => b.share - a.share)
    .map((dot) => ({ kind: dot.kind, name: dot.name, box: boxOf(dot, axes) }));
  return picture(FRAME.width, FRAME.height, `Roofline of ${dots.length} operations`, [
    grid(FRAME, axes.x, axes.y),
    ...roofLines(roofs, flats, axes),
    ...dots.map((dot) => mark(dot, axes)),
    labels(FRAME, marks),
  ]);
}

/** Operations without multiply-adds are left out: they have no position on logarithmic axes. */
const dotsOf = ({ kind, operations }: InspectedPass): Dot[] =>
  operations
    .filter(({ cost }) => totalMacs(cost) > 0)
    .map(({ name, cost, measured, share }) => ({
      kind,
      name,
      intensity: totalMacs(cost) / totalBytes(cost),
      rate: totalMacs(cost) / measured,
      share,
    }));

/** The peaks of the arithmetic that the passes use. */
function flatsOf({ roofs, decode, prefill }: Inspection): Flat[] {
  const names = { int8: "8-bit activations", int14: "14-bit activations", f32: "f32" } as const;
  return (Object.keys(names) as (keyof typeof names)[])
    .filter((kind) => decode.cost.macs[kind] + prefill.cost.macs[kind] > 0)
    .map((kind) => ({ name: names[kind], rate: peak(roofs, kind) }));
}

const highest = (flats: readonly Flat[]): number => Math.max(...flats.map(({ rate }) => rate));

/** Axes around everything that is drawn. */
function axesFor(dots: readonly Dot[], top: number): Axes {
  const intensities = [...dots.map(({ intensity }) => intensity), 8];
  const rates = [...dots.map(({ rate }) => rate), top];
  return {
    x: powerAxis("multiply-adds per byte", 2, intensities, acrossOf(FRAME), (value) =>
      value < 1 ? `1/${1 / value}` : String(value),
    ),
    // A fifth above the highest roof, so that its name has room.
    y: powerAxis("Gmac/s", 10, [...rates, 1.2 * Math.max(...rates)], upOf(FRAME), (value) => String(value / 1e9)),
  };
}

/**
 * The roofs: slopes where bytes limit, as far as the highest peak, and flat lines where arithmetic does, from the
 * steeper slope on.
 */
function roofLines(roofs: Roofs, flats: readonly Flat[], axes: Axes): string[] {
  const x = axes.x.at;
  const y = axes.y.at;
  const low = axes.x.ticks[0]!.value;
  const high = axes.x.ticks.at(-1)!.value;
  const top = highest(flats);
  // A small pack fits the first cache: then memory and cache are equally fast.
  const fastest = Math.max(roofs.read, roofs.cached);
  const slopes = [
    { name: "memory", bandwidth: roofs.read },
    { name: "cache", bandwidth: roofs.cached },
  ].flatMap(({ name, bandwidth }) => {
    const end = Math.min(high, top / bandwidth);
    const from = { x: x(low), y: y(low * bandwidth) };
    const to = { x: x(end), y: y(end * bandwidth) };
    const slope = (to.y - from.y) / (to.x - from.x);
    const angle = (Math.atan(slope) * 180) / Math.PI;
    const lift = bandwidth === fastest ? -7 : 16;
    const place = `translate(${fix(from.x + 12)} ${fix(from.y + 12 * slope)}) rotate(${fix(angle)})`;
    return [
      element("path", { class: "roof", d: `M${fix(from.x)} ${fix(from.y)}L${fix(to.x)} ${fix(to.y)}` }),
      label(`${name}, ${giga(bandwidth)} GB/s`, { class: "roof-name", transform: `${place} translate(0 ${lift})` }),
    ];
  });
  const lines = flats.flatMap(({ name, rate }) => {
    const start = Math.max(low, rate / fastest);
    return [
      element("path", { class: "roof", d: `M${fix(x(start))} ${fix(y(rate))}H${fix(x(high))}` }),
      label(`${name}, ${giga(rate)} Gmac/s`, { class: "roof-name", x: x(start) + 6, y: y(rate) - 7 }),
    ];
  });
  return [...slopes, ...lines];
}

const radius = ({ share }: Dot): number => 3.5 + 22 * Math.sqrt(share);

/** A circle for decode and a square for prefill, so that they can be told apart without colour. */
function mark(dot: Dot, axes: Axes): string {
  const { left, top, right, bottom } = boxOf(dot, axes);
  const rate = `${dot.intensity.toFixed(2)} mac/byte, ${giga(dot.rate)} Gmac/s`;
  const title = tooltip(`${dot.kind} ${dot.name}: ${rate}, ${(100 * dot.share).toFixed(1)} % of the pass`);
  if (dot.kind === "decode") {
    const circle = { cx: (left + right) / 2, cy: (top + bottom) / 2, r: radius(dot) };
    return element("circle", { class: "dot decode", ...circle }, title);
  }
  const square = { x: left, y: top, width: right - left, height: bottom - top };
  return element("rect", { class: "dot prefill", ...square }, title);
}

function boxOf(dot: Dot, { x, y }: Axes): Box {
  const cx = x.at(dot.intensity);
  const cy = y.at(dot.rate);
  const r = radius(dot);
  return { left: cx - r, top: cy - r, right: cx + r, bottom: cy + r };
}

const giga = (value: number): string => (value / 1e9).toFixed(1);
