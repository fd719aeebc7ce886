static void linear_pixels(uint8_t *y, const int8_t *x, const struct linear *l) {
  struct taps t;
  int32_t row, column, filter;
  for (row = 0; row < l->out_h; row++)
    for (column = 0; column < l->out_w; column++) {
      find_taps(&t, x, l, row, column);
      for (filter = 0; filter < l->out_c; filter++)
        *y++ = tanh_pixel(sum_of(&t, l, filter), l->scale[filter]);
    }
}
