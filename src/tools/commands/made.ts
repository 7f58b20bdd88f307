/** The result of a command that made a pack. */
import path from "node:path";
import { type PackHeader, packBytes } from "../../core/format/pack-header.ts";

/** On stdout: a line to read, or one of JSON. */
export function printPack(directory: string, header: PackHeader, json: boolean): void {
  const { model, config } = header;
  const bytes = packBytes(header);
  const where = path.relative(process.cwd(), directory) || ".";
  const line = `${where}: ${model}, ${config.layers} layers, ${(bytes / 1e6).toFixed(1)} MB`;
  console.log(json ? JSON.stringify({ directory, model, layers: config.layers, bytes }) : line);
}
