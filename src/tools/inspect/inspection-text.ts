/** An inspection as text: the roofs, then a table for each pass. */

import { textTable } from "../charts/text-table.ts";
import { totalBytes, totalMacs } from "./cost.ts";
import type { InspectedPass, Inspection } from "./inspection.ts";
import { peak } from "./roof.ts";

/** The text. `machine` describes the machine that was measured. */
export function inspectionText(inspection: Inspection, machine: string): string {
  const { decode, prefill } = inspection;
  const sections = [[headline(inspection, machine), ...roofLines(inspection)], passLines(decode), passLines(prefill)];
  return sections.map((lines) => lines.join("\n")).join("\n\n");
}

export const headline = ({ model, layers, bytes }: Inspection, machine: string): string =>
  `${model}, ${layers} layers, ${mega(bytes)} MB · ${machine}`;

/** One line per roof. */
export function roofLines({ roofs }: Inspection): string[] {
  return [
    `memory      ${giga(roofs.read)} GB/s reading ${mega(roofs.workingSet)} MB, ` +
      "the weights, keys and values of a decode step",
    `cache       ${giga(roofs.cached)} GB/s reading 16 KiB`,
    `arithmetic  ${giga(peak(roofs, "int8"))} Gmac/s of 8-bit activations: ` +
      `the better of ${giga(roofs.dotInt8)} in int32 and ${giga(roofs.dotInt8Narrow)} with pairs in int16`,
    `            ${giga(peak(roofs, "int14"))} Gmac/s of 14-bit activations: ` +
      `the better of half of that and ${giga(roofs.dotInt16)} in int16 lanes`,
    `            ${giga(roofs.multiplyAdd)} Gmac/s of f32, not fused`,
  ];
}

export const COLUMNS = [
  "operation",
  "calls",
  "MB",
  "Mmac",
  "mac/byte",
  "roof",
  "predicted µs",
  "measured µs",
  "of roof",
  "Gmac/s",
  "share",
] as const;

/** "decode, 1 token at position 256" */
export const passTitle = ({ kind, tokens, position }: InspectedPass): string =>
  `${kind}, ${tokens} ${tokens === 1 ? "token" : "tokens"} at position ${position}`;

/** A row of cells for each operation, in the order of COLUMNS; the last row is their sum. */
export function passRows(pass: InspectedPass): string[][] {
  const sum = {
    name: "all operations",
    calls: pass.operations.reduce((calls, operation) => calls + operation.calls, 0),
    cost: pass.cost,
    predicted: pass.predicted,
    limit: "",
    measured: pass.kernels,
    share: 1 - pass.betweenShare,
  };
  return [...pass.operations, sum].map(({ name, calls, cost, predicted, limit, measured, share }) => {
    const macs = totalMacs(cost);
    return [
      name,
      String(calls),
      (totalBytes(cost) / 1e6).toFixed(3),
      (macs / 1e6).toFixed(3),
      (macs / totalBytes(cost)).toFixed(2),
      limit,
      micro(predicted),
      micro(measured),
      percent(predicted / measured),
      giga(macs / measured),
      percent(share),
    ];
  });
}

/** What the table does not show: the time outside kernels, and the whole pass against the tighter of its two roofs. */
export function passSummary(pass: InspectedPass): string[] {
  const { between, betweenShare, kernels, untraced, roof, limit, tokens, passes } = pass;
  return [
    `outside kernels ${micro(between)} µs, ${percent(betweenShare)}; the sum ${micro(kernels + between)} µs, ` +
      `a whole pass without the clock ${micro(untraced)} µs, ${(tokens / untraced).toFixed(1)} tokens/s ` +
      `(medians of ${passes})`,
    `lower roof of the whole pass: ${limit}, ${micro(roof)} µs, ${(tokens / roof).toFixed(1)} tokens/s; ` +
      `reached ${percent(roof / untraced)}`,
  ];
}

function passLines(pass: InspectedPass): string[] {
  return [passTitle(pass), "", ...textTable(COLUMNS, passRows(pass)), "", ...passSummary(pass)];
}

const mega = (value: number): string => (value / 1e6).toFixed(1);
const giga = (value: number): string => (value / 1e9).toFixed(1);
const micro = (seconds: number): string => (seconds * 1e6).toFixed(1);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
