/** Size against one figure as an SVG plot, with the Pareto front drawn through the packs that are on it. */
import { type Axis, acrossOf, type Frame, grid, linearAxis, logarithmicAxis, upOf } from "../charts/axes.ts";
import { labels } from "../charts/labels.ts";
import { element, fix, picture, tooltip } from "../charts/svg.ts";
import { type Point, paretoFront } from "./pareto-front.ts";

const FRAME: Frame = { width: 960, height: 480, left: 80, right: 16, top: 16, bottom: 52 };
const RADIUS = 5;

export interface Dot extends Point {
  /** `size` is in MB. */
  readonly name: string;
}

/** What a plot shows of packs besides their size. */
export interface Measure {
  readonly name: string;
  readonly better: 1 | -1;
  readonly scale: "linear" | "logarithmic";
  readonly digits: number;
}

export function scatterPlot(dots: readonly Dot[], measure: Measure): string {
  const front = paretoFront(dots, measure.better);
  const values = dots.map(({ value }) => value);
  const axis = measure.scale === "linear" ? linearAxis : logarithmicAxis;
  const x = linearAxis(
    "MB",
    dots.map(({ size }) => size),
    acrossOf(FRAME),
  );
  const y = axis(measure.name, values, upOf(FRAME));
  const kindOf = (dot: Dot) => (front.includes(dot) ? "front" : "behind");
  const marks = [...front, ...dots.filter((dot) => !front.includes(dot))].map((dot) => {
    const cx = x.at(dot.size);
    const cy = y.at(dot.value);
    const box = { left: cx - RADIUS, top: cy - RADIUS, right: cx + RADIUS, bottom: cy + RADIUS };
    return { kind: kindOf(dot), name: dot.name, box };
  });
  const circles = dots.map((dot) => {
    const title = `${dot.name}: ${dot.size.toFixed(1)} MB, ${measure.name} ${dot.value.toFixed(measure.digits)}`;
    const circle = { class: `dot ${kindOf(dot)}`, cx: x.at(dot.size), cy: y.at(dot.value), r: RADIUS };
    return element("circle", circle, tooltip(title));
  });
  return picture(FRAME.width, FRAME.height, `${measure.name} against size of ${dots.length} packs`, [
    grid(FRAME, x, y),
    staircase(front, x, y),
    ...circles,
    labels(FRAME, marks),
  ]);
}

/** A line through the front: each pack's figure holds until a larger pack betters it. */
function staircase(front: readonly Dot[], x: Axis, y: Axis): string {
  const [start, ...steps] = front.map(({ size, value }) => [fix(x.at(size)), fix(y.at(value))] as const);
  if (!start) return "";
  const path = steps.map(([across, up]) => `H${across}V${up}`).join("");
  return element("path", { class: "stairs", d: `M${start.join(" ")}${path}H${acrossOf(FRAME)[1]}` });
}
