// The engine that asks the server which served the page.
import * as npy from "./npy.js";

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer.");
  }
  if (!answer.ok) {
    const text = await answer.json().then((o) => o.error, () => answer.statusText);
    throw new Error(`The server says: ${text}`);
  }
  return answer;
}

const query = (o) => new URLSearchParams(Object.entries(o).filter(([, v]) => v !== undefined)).toString();

export async function open() {
  const models = (await (await ask("v1/models")).json()).models;
  return {
    models,
    // latents are those of n images of a seed, a Float32Array.
    async latents(model, seed, n) {
      return npy.read(await (await ask(`v1/latents.npy?${query({ model, seed, n })}`)).arrayBuffer());
    },
    // directions are {directions, variance}, both empty of a model that has none.
    async directions(model, count) {
      return (await ask(`v1/directions?${query({ model, count })}`)).json();
    },
    // images are a Blob of a kind, png or gif.
    async images(model, kind, latents, dim, { cls, cols }) {
      const body = npy.write(latents, dim);
      return (await ask(`v1/images.${kind}?${query({ model, class: cls, cols })}`, { method: "POST", body })).blob();
    },
  };
}
