/* y = leaky((x - zero) * weight + bias), with columns weights that the features have in turn; y may
 * be x. slope is in units of 1 / 65536. */
static void affine(int8_t *y, const int8_t *x, int32_t n, int32_t columns, const int32_t *weight, const int32_t *bias, const int32_t *slope,
                   int32_t zero_in, int shift, int32_t zero_out) {
  int32_t i;
  for (i = 0; i < n; i++) {
    const int32_t c = i % columns;
    int64_t v = (int64_t)(x[i] - zero_in) * weight[c] + bias[c];
    if (v < 0) {
      v *= slope[c];
      v = v >= 0 ? v >> 16 : ~(~v >> 16);
    }
    y[i] = byte_of(v, shift, zero_out);
  }
}
