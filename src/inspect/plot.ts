/**
 * The roofline as one SVG: multiply-adds a second over multiply-adds a byte, both logarithmic; roofs are lines, operations
 * are dots whose area is their share of the pass. Colours are CSS variables of the page around it.
 */
import { totalBytes, totalMacs } from "./cost.ts";
import { escapeHtml } from "./escape.ts";
import type { InspectedPass, Inspection } from "./inspection.ts";
import { peak, type Roofs } from "./roof.ts";

const WIDTH = 960;
const HEIGHT = 600;
const LEFT = 64;
const RIGHT = 16;
const TOP = 16;
const BOTTOM = 52;
/** Between a dot and its label. */
const GAP = 4;
const LETTER = 6.6;
const LINE = 15;

interface Dot {
  readonly kind: InspectedPass["kind"];
  readonly name: string;
  /** Multiply-adds a byte. */ readonly intensity: number;
  /** Multiply-adds a second. */ readonly rate: number;
  /** Of the time of its pass. */ readonly share: number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Axes {
  readonly x: (intensity: number) => number;
  readonly y: (rate: number) => number;
  readonly intensities: readonly number[];
  readonly rates: readonly number[];
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
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Roofline of ${dots.length} operations">
${grid(axes)}
${roofLines(roofs, flats, axes)}
${dots.map((dot) => mark(dot, axes)).join("\n")}
${labels(dots, axes)}
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
  const between = (value: number, low: number, high: number, from: number, to: number) =>
    from + ((value - low) / (high - low)) * (to - from);
  return {
    x: (intensity) => between(Math.log2(intensity), lowX, highX, LEFT, WIDTH - RIGHT),
    y: (rate) => between(Math.log10(rate), lowY, highY, HEIGHT - BOTTOM, TOP),
    intensities: Array.from({ length: highX - lowX + 1 }, (_, n) => 2 ** (lowX + n)),
    rates: Array.from({ length: highY - lowY + 1 }, (_, n) => 10 ** (lowY + n)),
  };
}

function grid({ x, y, intensities, rates }: Axes): string {
  const floor = HEIGHT - BOTTOM;
  return [
    ...intensities.map(
      (value) =>
        `<path class="grid" d="M${fix(x(value))} ${TOP}V${floor}"/><text class="tick" x="${fix(x(value))}" y="${floor + 18}" text-anchor="middle">${value < 1 ? `1/${1 / value}` : value}</text>`,
    ),
    ...rates.map(
      (value) =>
        `<path class="grid" d="M${LEFT} ${fix(y(value))}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 8}" y="${fix(y(value) + 4)}" text-anchor="end">${value / 1e9}</text>`,
    ),
    `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">multiply-adds a byte</text>`,
    `<text class="axis" transform="translate(16 ${(TOP + floor) / 2}) rotate(-90)" text-anchor="middle">Gmac/s</text>`,
  ].join("\n");
}

/** Slopes where bytes limit, up to the highest peak; from the steeper slope on, flat lines where arithmetic does. */
function roofLines(roofs: Roofs, flats: readonly Flat[], { x, y, intensities }: Axes): string {
  const [low, high] = [intensities[0]!, intensities.at(-1)!];
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
  const [cx, cy, r] = [x(dot.intensity), y(dot.rate), radius(dot)];
  const title = `<title>${dot.kind} ${escapeHtml(dot.name)}: ${dot.intensity.toFixed(2)} mac/byte, ${giga(dot.rate)} Gmac/s, ${(100 * dot.share).toFixed(1)} % of the pass</title>`;
  if (dot.kind === "decode") {
    return `<circle class="dot decode" cx="${fix(cx)}" cy="${fix(cy)}" r="${fix(r)}">${title}</circle>`;
  }
  return `<rect class="dot prefill" x="${fix(cx - r)}" y="${fix(cy - r)}" width="${fix(2 * r)}" height="${fix(2 * r)}">${title}</rect>`;
}

/** A name beside each group of dots, the largest first; where there is no room the dot's title has to do. */
function labels(dots: readonly Dot[], axes: Axes): string {
  const groups: { dots: Dot[]; box: Box }[] = [];
  for (const dot of [...dots].sort((a, b) => b.share - a.share)) {
    const box = boxOf(dot, axes);
    const near = groups.find((group) => group.dots[0]!.kind === dot.kind && overlap(group.box, box));
    if (near) {
      near.dots.push(dot);
      near.box = around(near.box, box);
    } else {
      groups.push({ dots: [dot], box });
    }
  }
  const taken = groups.map(({ box }) => box);
  return groups
    .flatMap((group) => {
      const text = group.dots.map(({ name }) => name).join(", ");
      const box = places(group.box, text.length * LETTER).find(
        (place) => isInside(place) && !taken.some((other) => overlap(place, other)),
      );
      if (!box) return [];
      taken.push(box);
      return [
        `<text class="name ${group.dots[0]!.kind}" x="${fix(box.left)}" y="${fix(box.bottom - 4)}">${escapeHtml(text)}</text>`,
      ];
    })
    .join("\n");
}

function boxOf(dot: Dot, { x, y }: Axes): Box {
  const [cx, cy, r] = [x(dot.intensity), y(dot.rate), radius(dot)];
  return { left: cx - r, top: cy - r, right: cx + r, bottom: cy + r };
}

const around = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});

/** Right, left, below and above. */
function places({ left, top, right, bottom }: Box, width: number): Box[] {
  const corner = (x: number, y: number): Box => ({ left: x, top: y, right: x + width, bottom: y + LINE });
  const [middleX, middleY] = [(left + right - width) / 2, (top + bottom - LINE) / 2];
  return [
    corner(right + GAP, middleY),
    corner(left - GAP - width, middleY),
    corner(middleX, bottom + GAP),
    corner(middleX, top - GAP - LINE),
  ];
}

const isInside = ({ left, right, top, bottom }: Box): boolean =>
  left >= LEFT && right <= WIDTH - RIGHT && top >= TOP && bottom <= HEIGHT - BOTTOM;

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;

const fix = (value: number): string => value.toFixed(1);
const giga = (value: number): string => (value / 1e9).toFixed(1);
