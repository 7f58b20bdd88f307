/** Names beside the marks of a plot, where there is room for them. */
import { acrossOf, type Frame, upOf } from "./axes.ts";
import { label } from "./svg.ts";

/** Between a mark and its label. */
const GAP = 4;
const LETTER = 7;
const LINE = 15;

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Mark {
  /** Marks of one kind share a label where they touch; also a class of the page. */
  readonly kind: string;
  readonly name: string;
  readonly box: Box;
}

/** A name beside each group of marks, the first first; where there is no room the mark's own title has to do. */
export function labels(frame: Frame, marks: readonly Mark[]): string {
  const groups: { marks: Mark[]; box: Box }[] = [];
  for (const mark of marks) {
    const near = groups.find((group) => group.marks[0]!.kind === mark.kind && overlap(group.box, mark.box));
    if (near) {
      near.marks.push(mark);
      near.box = around(near.box, mark.box);
    } else {
      groups.push({ marks: [mark], box: mark.box });
    }
  }
  const taken = groups.map(({ box }) => box);
  return groups
    .flatMap((group) => {
      const text = group.marks.map(({ name }) => name).join(", ");
      const place = places(group.box, text.length * LETTER).find(
        ({ box }) => isInside(box, frame) && !taken.some((other) => overlap(box, other)),
      );
      if (!place) return [];
      const { box, anchor } = place;
      taken.push(box);
      const x = { start: box.left, middle: (box.left + box.right) / 2, end: box.right }[anchor];
      const kind = group.marks[0]!.kind;
      return [label(text, { class: `name ${kind}`, x, y: box.bottom - 4, "text-anchor": anchor })];
    })
    .join("\n");
}

const around = (a: Box, b: Box): Box => ({
  left: Math.min(a.left, b.left),
  top: Math.min(a.top, b.top),
  right: Math.max(a.right, b.right),
  bottom: Math.max(a.bottom, b.bottom),
});

interface Place {
  readonly box: Box;
  /** Where the text keeps its place when letters are wider than they are taken for. */
  readonly anchor: "start" | "middle" | "end";
}

/** Right, left, below and above. */
function places({ left, top, right, bottom }: Box, width: number): Place[] {
  const at = (x: number, y: number, anchor: Place["anchor"]): Place => ({
    box: { left: x, top: y, right: x + width, bottom: y + LINE },
    anchor,
  });
  const [middleX, middleY] = [(left + right - width) / 2, (top + bottom - LINE) / 2];
  return [
    at(right + GAP, middleY, "start"),
    at(left - GAP - width, middleY, "end"),
    at(middleX, bottom + GAP, "middle"),
    at(middleX, top - GAP - LINE, "middle"),
  ];
}

function isInside({ left, right, top, bottom }: Box, frame: Frame): boolean {
  const [start, end] = acrossOf(frame);
  const [floor, ceiling] = upOf(frame);
  return left >= start && right <= end && top >= ceiling && bottom <= floor;
}

const overlap = (a: Box, b: Box): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
