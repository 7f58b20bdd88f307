/** The file that `npm run suite qwen` is about: Qwen2.5 or Qwen2.5-Coder of any size, as GGUF. */
export const QWEN_GGUF: string = (() => {
  const file = process.env.OUTRIDER_QWEN_GGUF;
  if (!file) throw new Error("set OUTRIDER_QWEN_GGUF to a GGUF file of Qwen2.5 or Qwen2.5-Coder");
  return file;
})();
