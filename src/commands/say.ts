/** What a command that made a pack says when it is done. */
import path from "node:path";
import { type PackHeader, packBytes } from "../format/pack-header.ts";

export function sayPack(directory: string, header: PackHeader): void {
  const { model, config } = header;
  const where = path.relative(process.cwd(), directory);
  console.error(`${where}: ${model}, ${config.layers} layers, ${(packBytes(header) / 1e6).toFixed(1)} MB`);
}
