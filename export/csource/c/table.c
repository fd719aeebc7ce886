/* y = table[x + 128]; y may be x. */
static void table_bytes(int8_t *y, const int8_t *x, int32_t n, const int8_t *table) {
  int32_t i;
  for (i = 0; i < n; i++) y[i] = table[x[i] + 128];
}
