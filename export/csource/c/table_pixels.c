static void table_pixels(uint8_t *y, const int8_t *x, int32_t n, const uint8_t *table) {
  int32_t i;
  for (i = 0; i < n; i++) y[i] = table[x[i] + 128];
}
