/* y may be x0. */
static void multiply(int8_t *y, const int8_t *x0, const int8_t *x1, int32_t n, const struct pair *p) {
  int32_t i;
  for (i = 0; i < n; i++)
    y[i] = byte_of((int64_t)((x0[i] - p->zero0) * (x1[i / p->over % p->wrap] - p->zero1)) * p->m0, p->shift, p->zero_out);
}
