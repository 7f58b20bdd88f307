/**
 * Pictures of the page in docs/use/page, and whether it still looks like them. They hold for one Chromium with its fonts:
 * Debian's, with DejaVu. `PICTURES=write npm run suite page` takes them anew.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";

const FOLDER = join(import.meta.dirname, "../../docs/use/page");

/** Pixels that may differ; a changed letter takes more. */
const FEW = 20;

/** What is in view, without what blinks. */
export const shoot = (page: Page): Promise<Buffer> => page.screenshot({ animations: "disabled", caret: "hide" });

/** Fails where the page in view differs from its picture; the new picture is then beside it, as NAME.new.png. */
export async function expectPicture(page: Page, name: string): Promise<void> {
  const shot = await shoot(page);
  const file = join(FOLDER, `${name}.png`);
  if (process.env.PICTURES === "write") {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(file, shot);
  }
  expect(existsSync(file), `${file} is missing; PICTURES=write takes it`).toBe(true);
  const differing = await difference(page, readFileSync(file), shot);
  if (differing > FEW) writeFileSync(join(FOLDER, `${name}.new.png`), shot);
  expect(differing, `pixels of ${name} that differ; see docs/use/page/${name}.new.png`).toBeLessThanOrEqual(FEW);
}

/** How many pixels of two pictures differ visibly; Infinity where their sizes do. The browser decodes them. */
export async function difference(page: Page, one: Buffer, other: Buffer): Promise<number> {
  const blank = await page.context().newPage();
  try {
    return await blank.evaluate(
      async (files) => {
        const [a, b] = await Promise.all(
          files.map(async (file) => {
            const image = new Image();
            image.src = `data:image/png;base64,${file}`;
            await image.decode();
            const canvas = new OffscreenCanvas(image.width, image.height);
            const context = canvas.getContext("2d") as OffscreenCanvasRenderingContext2D;
            context.drawImage(image, 0, 0);
            return context.getImageData(0, 0, image.width, image.height);
          }),
        );
        if (!a || !b || a.width !== b.width || a.height !== b.height) return Number.MAX_SAFE_INTEGER;
        let count = 0;
        for (let i = 0; i < a.data.length; i += 4) {
          const differs = [0, 1, 2].some((channel) => Math.abs(a.data[i + channel]! - b.data[i + channel]!) > 24);
          if (differs) count++;
        }
        return count;
      },
      [one.toString("base64"), other.toString("base64")],
    );
  } finally {
    await blank.close();
  }
}
