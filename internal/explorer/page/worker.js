// The thread in which the program draws: it loads explorer.wasm and model.safetensors, which stand beside this file.
importScripts("wasm_exec.js");

async function bytes(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status} ${answer.statusText}`);
  return answer.arrayBuffer();
}

async function start() {
  const go = new Go();
  const [program, model] = await Promise.all([bytes("explorer.wasm"), bytes("model.safetensors")]);
  const { instance } = await WebAssembly.instantiate(program, go.importObject);
  go.run(instance);
  return result(self.gantiny.open(new Uint8Array(model)));
}

// result is what a call returned: {value} or {error}.
function result(r) {
  if (r.error) throw new Error(r.error);
  return r.value;
}

let opened;
self.onmessage = async ({ data: { id, method, args } }) => {
  try {
    opened ??= start();
    const info = await opened;
    const value = method === "open" ? info : result(self.gantiny[method](...args));
    self.postMessage({ id, value });
  } catch (e) {
    self.postMessage({ id, error: e.message });
  }
};
