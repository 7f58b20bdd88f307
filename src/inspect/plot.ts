/**
 * The roofline as one SVG: multiply-adds a second over multiply-adds a byte, both logarithmic; roofs are lines,
 * operations are dots whose area is their share of the pass. Colours are CSS variables of the page around it.
 */
import { type Axis, acrossOf, type Frame, fix, grid, scale, upOf } from "../charts/axes.ts";
import { escapeHtml } from "../charts/html.ts";
import { type Box, labels } from "../charts/labels.ts";
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
  /** Of the time of its pass. */
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
  return `<svg viewBox="0 0 ${FRAME.width} ${FRAME.height}" role="img" aria-label="Roofline of ${dots.length} operations">
${grid(FRAME, axes.x, axes.y)}
${roofLines(roofs, flats, axes)}
${dots.map((dot) => mark(dot, axes)).join("\n")}
${labels(FRAME, marks)}
</svg>`;
}

/** An operation without multiply-adds has no place on logarithmic axes. */
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

/** Powers of two of intensity and of ten of rate around everything that is drawn. */
function axesFor(dots: readonly Dot[], top: number): Axes {
  const lowX = Math.floor(Math.log2(Math.min(...dots.map((dot) => dot.intensity))));
  const highX = Math.ceil(Math.log2(Math.max(...dots.map((dot) => dot.intensity), 8)));
  const lowY = Math.floor(Math.log10(Math.min(...dots.map((dot) => dot.rate))));
  const highY = Math.ceil(Math.log10(1.2 * Math.max(...dots.map((dot) => dot.rate), top)));
  const x = scale(lowX, highX, acrossOf(FRAME));
  const y = scale(lowY, highY, upOf(FRAME));
  return {
    x: {
      name: "multiply-adds a byte",
      at: (intensity) => x(Math.log2(intensity)),
      ticks: Array.from({ length: highX - lowX + 1 }, (_, n) => {
        const value = 2 ** (lowX + n);
        return { value, label: value < 1 ? `1/${1 / value}` : String(value) };
      }),
    },
    y: {
      name: "Gmac/s",
      at: (rate) => y(Math.log10(rate)),
      ticks: Array.from({ length: highY - lowY + 1 }, (_, n) => {
        const value = 10 ** (lowY + n);
        return { value, label: String(value / 1e9) };
      }),
    },
  };
}

/** Slopes where bytes limit, up to the highest peak; from the steeper slope on, flat lines where arithmetic does. */
function roofLines(roofs: Roofs, flats: readonly Flat[], axes: Axes): string {
  const [x, y] = [axes.x.at, axes.y.at];
  const [low, high] = [axes.x.ticks[0]!.value, axes.x.ticks.at(-1)!.value];
  const top = highest(flats);
  const fastest = Math.max(roofs.read, roofs.cached); // a small pack lies in the first cache: the two are one then
  const slopes = [
    { name: "memory", bandwidth: roofs.read },
    { name: "cache", bandwidth: roofs.cached },
  ].map(({ name, bandwidth }) => {
    const end = Math.min(high, top / bandwidth);
    const [x0, y0, x1, y1] = [x(low), y(low * bandwidth), x(end), y(end * bandwidth)];
    const angle = (Math.atan2(y1 - y0, x1 - x0) * 180) / Math.PI;
    const lift = bandwidth === fastest ? -7 : 16;
    return `<path class="roof" d="M${fix(x0)} ${fix(y0)}L${fix(x1)} ${fix(y1)}"/><text class="roof-name" transform="translate(${fix(x0 + 12)} ${fix(y0 + 12 * Math.tan((angle * Math.PI) / 180))}) rotate(${fix(angle)}) translate(0 ${lift})">${name}, ${giga(bandwidth)} GB/s</text>`;
  });
  const lines = flats.map(({ name, rate }) => {
    const start = Math.max(low, rate / fastest);
    return `<path class="roof" d="M${fix(x(start))} ${fix(y(rate))}H${fix(x(high))}"/><text class="roof-name" x="${fix(x(start) + 6)}" y="${fix(y(rate) - 7)}">${name}, ${giga(rate)} Gmac/s</text>`;
  });
  return [...slopes, ...lines].join("\n");
}

const radius = ({ share }: Dot): number => 3.5 + 22 * Math.sqrt(share);

/** A circle for decode, a square for prefill: told apart without colour too. */
function mark(dot: Dot, { x, y }: Axes): string {
  const [cx, cy, r] = [x.at(dot.intensity), y.at(dot.rate), radius(dot)];
  const title = `<title>${dot.kind} ${escapeHtml(dot.name)}: ${dot.intensity.toFixed(2)} mac/byte, ${giga(dot.rate)} Gmac/s, ${(100 * dot.share).toFixed(1)} % of the pass</title>`;
  if (dot.kind === "decode") {
    return `<circle class="dot decode" cx="${fix(cx)}" cy="${fix(cy)}" r="${fix(r)}">${title}</circle>`;
  }
  return `<rect class="dot prefill" x="${fix(cx - r)}" y="${fix(cy - r)}" width="${fix(2 * r)}" height="${fix(2 * r)}">${title}</rect>`;
}

function boxOf(dot: Dot, { x, y }: Axes): Box {
  const [cx, cy, r] = [x.at(dot.intensity), y.at(dot.rate), radius(dot)];
  return { left: cx - r, top: cy - r, right: cx + r, bottom: cy + r };
}

const giga = (value: number): string => (value / 1e9).toFixed(1);
