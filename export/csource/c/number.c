/* v / 2^n, rounded to the nearest whole number, halves up, plus zero, within a byte's range. */
static int8_t byte_of(int64_t v, int n, int32_t zero) {
  v += (int64_t)1 << (n - 1);
  v = (v >= 0 ? v >> n : ~(~v >> n)) + zero;
  return (int8_t)(v < -128 ? -128 : v > 127 ? 127 : v);
}
