// Arithmetic on latents, which are Float32Arrays.

// slerp is the point at t of the way from a to b on the arc between them: spherical interpolation. Of latents that point the same way
// it is the straight line.
export function slerp(a, b, t) {
  let aa = 0, bb = 0, ab = 0;
  for (let i = 0; i < a.length; i++) {
    aa += a[i] * a[i];
    bb += b[i] * b[i];
    ab += a[i] * b[i];
  }
  const angle = Math.acos(Math.min(1, Math.max(-1, ab / (Math.sqrt(aa * bb) || 1))));
  let wa = 1 - t, wb = t;
  if (Math.sin(angle) > 1e-6) {
    wa = Math.sin((1 - t) * angle) / Math.sin(angle);
    wb = Math.sin(t * angle) / Math.sin(angle);
  }
  return a.map((v, i) => wa * v + wb * b[i]);
}

// step is z moved towards a random point, by an angle whose sine is spread: as long as the two are.
export function step(z, random, spread) {
  const stay = Math.sqrt(1 - spread * spread);
  return z.map((v, i) => stay * v + spread * random[i]);
}

// along adds amounts of directions to z.
export function along(z, directions, amounts) {
  const out = Float32Array.from(z);
  amounts.forEach((amount, k) => {
    if (amount !== 0) directions[k].forEach((v, i) => { out[i] += amount * v; });
  });
  return out;
}

// joined puts latents behind one another, each number times a factor.
export function joined(list, factor) {
  const dim = list[0].length;
  const out = new Float32Array(list.length * dim);
  list.forEach((z, i) => out.set(z.map((v) => factor * v), i * dim));
  return out;
}
