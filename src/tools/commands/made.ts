/** The result of a command that made a pack. */
import path from "node:path";
import { type PackHeader, packBytes } from "../../core/format/pack-header.ts";

/** A line on stdout. */
export function printPack(directory: string, header: PackHeader): void {
  const { model, config } = header;
  const bytes = packBytes(header);
  const where = path.relative(process.cwd(), directory) || ".";
  console.log(`${where}: ${model}, ${config.layers} layers, ${(bytes / 1e6).toFixed(1)} MB`);
}
