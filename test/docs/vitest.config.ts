/** What the documents show of the package: needs npm's registry and the real model (`npm run test:docs`). */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/docs/long.ts"], fileParallelism: false } });
