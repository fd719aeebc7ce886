/* A convolution, a transposed one or, with one position, a fully connected operator. */
struct linear {
  const int8_t *weight; /* (filters, taps, channels of a group) */
  const int32_t *bias;  /* of each filter */
  const float *scale;
  float slope;
  int32_t zero_in, zero_out;
  int32_t in_h, in_w, in_c, out_h, out_w, out_c, kernel_h, kernel_w, groups;
  int32_t stride_h, stride_w, dilation_h, dilation_w, pad_h, pad_w, transposed;
};

/* Which of n rows or columns of the input meets one of the output by tap k, -1 for none. */
static int32_t met(int32_t out, int32_t k, int32_t stride, int32_t dilation, int32_t pad, int32_t n, int32_t transposed) {
  int32_t at = transposed ? out + pad - k * dilation : out * stride + k * dilation - pad;
  if (transposed) {
    if (at < 0 || at % stride != 0) return -1;
    at /= stride;
  }
  return at >= 0 && at < n ? at : -1;
}

/* The taps that meet the input at one position of the output. */
struct taps {
  int count;
  int32_t index[MAX_TAPS];
  const int8_t *at[MAX_TAPS];
};

static void find_taps(struct taps *t, const int8_t *x, const struct linear *l, int32_t row, int32_t column) {
  int32_t ky, kx;
  t->count = 0;
  for (ky = 0; ky < l->kernel_h; ky++) {
    const int32_t y = met(row, ky, l->stride_h, l->dilation_h, l->pad_h, l->in_h, l->transposed);
    if (y < 0) continue;
    for (kx = 0; kx < l->kernel_w; kx++) {
      const int32_t c = met(column, kx, l->stride_w, l->dilation_w, l->pad_w, l->in_w, l->transposed);
      if (c < 0) continue;
      t->index[t->count] = ky * l->kernel_w + kx;
      t->at[t->count++] = x + (y * l->in_w + c) * l->in_c;
    }
  }
}

static int32_t sum_of(const struct taps *t, const struct linear *l, int32_t filter) {
  const int32_t n = l->in_c / l->groups, first = filter / (l->out_c / l->groups) * n;
  uint32_t sum = (uint32_t)l->bias[filter]; /* which wraps, where an int32_t may not */
  int i;
  int32_t c;
  for (i = 0; i < t->count; i++) {
    const int8_t *w = l->weight + ((size_t)filter * (size_t)(l->kernel_h * l->kernel_w) + (size_t)t->index[i]) * (size_t)n;
    const int8_t *x = t->at[i] + first;
    for (c = 0; c < n; c++) sum += (uint32_t)((x[c] - l->zero_in) * w[c]);
  }
  return sum > INT32_MAX ? -(int32_t)(UINT32_MAX - sum) - 1 : (int32_t)sum;
}
