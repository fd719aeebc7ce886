/* Philox 4x32-10 (Salmon et al. 2011). */
static void philox(uint32_t out[4], const uint32_t key[2], uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3) {
  uint32_t k0 = key[0], k1 = key[1];
  int i;
  for (i = 0; i < 10; i++) {
    const uint64_t p0 = UINT64_C(0xD2511F53) * c0, p1 = UINT64_C(0xCD9E8D57) * c2;
    c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
    c1 = (uint32_t)p1;
    c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
    c3 = (uint32_t)p0;
    k0 += UINT32_C(0x9E3779B9);
    k1 += UINT32_C(0xBB67AE85);
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/* Half of v / 2^26, rounded down. */
static int64_t down26(int64_t v) { return v >= 0 ? v >> 26 : ~(~v >> 26); }

/* A random word as a standard normal number in units of 2^-21: quadratics on the segments of the
 * inverse distribution function. */
static int32_t normal(uint32_t u) {
  const uint32_t v = u >> 31 ? ~u : u;
  uint32_t w = 2 * v + 1, zeros = 0, f;
  const int32_t *q;
  int64_t z;
  while (!(w >> 31)) {
    w <<= 1;
    zeros++;
  }
  q = normal_table[zeros * 32 + (w >> 26 & 31)];
  f = w & ((UINT32_C(1) << 26) - 1);
  z = q[0] + down26((q[1] + down26((int64_t)q[2] * (int64_t)f)) * (int64_t)f);
  z += 64;
  z = z >= 0 ? z >> 7 : ~(~z >> 7);
  return u >> 31 ? (int32_t)z : -(int32_t)z;
}

/* The latents of an image of a seed. */
static void seed_latents(int8_t *z, uint64_t seed, uint64_t index) {
  uint32_t key[2], block[4];
  int32_t i;
  key[0] = (uint32_t)seed;
  key[1] = (uint32_t)(seed >> 32);
  philox(block, key, 1, 0, 0, UINT32_MAX);
  key[0] = block[0];
  key[1] = block[1];
  for (i = 0; i < LATENTS; i++) {
    if (i % 4 == 0) philox(block, key, (uint32_t)(i / 4), (uint32_t)index, (uint32_t)(index >> 32), 0);
    z[i] = latent_byte(normal(block[i % 4]));
  }
}
