// The engine that draws here: the program in WebAssembly, in a thread of its own.
export async function open() {
  const worker = new Worker("worker.js");
  const waiting = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, value, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error)); else resolve(value);
  };
  worker.onerror = (e) => {
    e.preventDefault();
    for (const { reject } of waiting.values()) reject(new Error("The program in this page has stopped. Reload the page."));
    waiting.clear();
  };
  const ask = (method, ...args) => new Promise((resolve, reject) => {
    waiting.set(++count, { resolve, reject });
    worker.postMessage({ id: count, method, args });
  });
  const info = JSON.parse(await ask("open"));
  return {
    models: [info],
    latents: (_, seed, n) => ask("latents", String(seed), n),
    directions: async (_, count) => JSON.parse(await ask("directions", count)),
    async images(_, kind, latents, dim, { cls, cols }) {
      const bytes = await ask("images", kind, latents, cls === undefined ? -1 : Number(cls), cols ?? 0);
      return new Blob([bytes], { type: `image/${kind}` });
    },
  };
}
