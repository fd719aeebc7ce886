/* A norm: size_c channels at size_p positions share a variance. There are count of them, which is
 * brought to about 2^20 by 2^h; epsilon is in units of the variance times (count * 2^h)^2. */
struct norm {
  const int32_t *weight, *bias; /* of each channel or, with features, of each feature */
  int32_t positions, channels;  /* of the image */
  int32_t size_p, size_c, count, h;
  int32_t features, plain, zero_in, zero_out, shift, slope;
  int64_t epsilon;
};

/* y = (x * w + b) / 2^shift */
struct normed {
  int64_t w, b;
  int shift;
};

/* v / 2^n, rounded down. */
static int64_t down(int64_t v, int n) { return v >= 0 ? v >> n : ~(~v >> n); }

static int64_t rounded(int64_t v, int n) { return down(v + ((int64_t)1 << (n - 1)), n); }

static int length_of(int64_t v) {
  int n = 0;
  if (v < 0) v = -v;
  for (; v; v >>= 1) n++;
  return n;
}

/* The root of v < 2^62, rounded down, bit by bit. */
static uint64_t square_root(uint64_t v) {
  uint64_t root = 0, bit = (uint64_t)1 << 60;
  for (; bit; bit >>= 2) {
    if (v >= root + bit) {
      v -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return root;
}

/* The factors of a weight and a bias, with the mean in units of 2^-16, and 2^-k. */
static struct normed factors_of(const struct norm *m, int32_t at, int64_t inverse, int64_t mean, int k) {
  const int64_t product = m->weight[at] * inverse, bias = m->bias[at];
  const int have = (int)m->shift + 41 - k, to_bias = 41 - k;
  struct normed f;
  int drop = 1;
  if (drop < length_of(product) - 21) drop = length_of(product) - 21;
  if (drop < have - 30) drop = have - 30;
  if (drop < to_bias + length_of(bias) - 28) drop = to_bias + length_of(bias) - 28;
  if (drop > have - 1) drop = have - 1;
  f.w = rounded(product, drop);
  f.w = f.w < -2097152 ? -2097152 : f.w > 2097152 ? 2097152 : f.w;
  f.b = drop <= to_bias ? bias * ((int64_t)1 << (to_bias - drop)) : rounded(bias, drop - to_bias);
  f.b -= down(f.w * mean, 16);
  f.shift = have - drop;
  return f;
}

/* The values from position p0 and channel c0 on. */
static void norm_part(int8_t *y, const int8_t *x, const struct norm *m, int32_t p0, int32_t c0) {
  int64_t sum = 0, squares = 0, mean, inverse;
  int32_t p, c;
  uint64_t w;
  int k = 0;
  for (p = p0; p < p0 + m->size_p; p++)
    for (c = c0; c < c0 + m->size_c; c++) {
      const int32_t v = x[p * m->channels + c];
      sum += v;
      squares += v * v;
    }
  if (m->plain) { /* of distances from the zero point */
    squares += (int64_t)m->zero_in * (-2 * sum + (int64_t)m->count * m->zero_in);
    w = (uint64_t)(m->count * squares);
    mean = (int64_t)m->zero_in * 65536;
  } else {
    w = (uint64_t)(m->count * squares - sum * sum);
    mean = sum * 65536 / m->count;
  }
  w = (w << (2 * m->h)) + (uint64_t)m->epsilon;
  while (w < (uint64_t)1 << 60) {
    w <<= 2;
    k++;
  }
  inverse = (int64_t)(((uint64_t)m->count << m->h << 41) / square_root(w));
  for (c = c0; c < c0 + m->size_c; c++) {
    struct normed f = factors_of(m, c, inverse, mean, k);
    for (p = p0; p < p0 + m->size_p; p++) {
      const int32_t at = p * m->channels + c;
      int64_t v;
      if (m->features) f = factors_of(m, at, inverse, mean, k);
      v = x[at] * f.w + f.b;
      if (v < 0) v = down(v * m->slope, 16);
      y[at] = byte_of(v, f.shift, m->zero_out);
    }
  }
}

/* y may be x. */
static void norm(int8_t *y, const int8_t *x, const struct norm *m) {
  int32_t p, c;
  for (p = 0; p < m->positions; p += m->size_p)
    for (c = 0; c < m->channels; c += m->size_c) norm_part(y, x, m, p, c);
}
