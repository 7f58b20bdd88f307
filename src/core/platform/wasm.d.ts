/** The modules of dist/ arrive compiled: workerd compiles no bytes at run time. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
