/** Tokens per target pass by kind of question, a row a drafter: each pack alone and with lookup, and lookup alone. */
import type { Figures } from "./figures.ts";
import type { Served, ServedKind } from "./replay.ts";

type Totals = Pick<ServedKind, "served" | "servedWithoutLoops">;

/** Heads and rows; undefined where the answers have no kinds. With `loops` false, of answers that are no loops. */
export function kindTable(all: readonly Figures[], loops: boolean): { heads: string[]; rows: string[][] } | undefined {
  const measured = all.filter(({ kinds }) => kinds !== undefined);
  const [first] = measured;
  if (!first) return undefined;
  const row = (name: string, drafter: keyof Served, { kinds = [], ...rest }: Figures): string[] => {
    const cells = [...kinds, rest as Totals].map((of) => {
      const served = loops ? of.served : of.servedWithoutLoops;
      return served?.[drafter].toFixed(2) ?? "–";
    });
    return [name, ...cells];
  };
  return {
    heads: ["tokens per pass", ...first.kinds!.map(({ kind, answers }) => `${kind} (${answers})`), "all"],
    rows: [
      ...measured.flatMap((each) => [row(each.pack, "model", each), row(`${each.pack} + lookup`, "both", each)]),
      row("lookup alone", "lookup", first),
    ],
  };
}
