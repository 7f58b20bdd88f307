/** Programs of somebody who installed the package: an origin, and a draft made and measured. */
import { createGateway, loadEngine, OutriderError, serveOrigin, type TargetEngine } from "outrider/origin";
import { evaluate, importFile, RECIPES, squeezeModel } from "outrider/tools";

const engine: TargetEngine = await loadEngine("wasm", { model: "pack", sessions: 4 });
const server = await serveOrigin(createGateway(engine, { token: "a long random word", live: 4 }), 0, "127.0.0.1");
const port: number = server.port;
await server.close();

// @ts-expect-error: no such engine
await loadEngine("gpu", { model: "pack" });

const { shards } = await importFile("model.gguf", "model", "packs/model");
const calibration = { file: "corpus.jsonl", samples: 128, length: 512 };
const recipe = RECIPES["acceptance-3"];
if (recipe) await squeezeModel({ model: "packs/model", recipe, calibration, out: "packs/draft" });
const answers = { file: "corpus.jsonl", count: 64 };
for await (const figures of evaluate({ models: ["packs/draft"], answers, served: true, speed: true })) {
  console.log(figures, port, shards.length, OutriderError);
}
