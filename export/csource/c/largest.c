/* The largest byte of each window. */
static void largest(int8_t *y, const int8_t *x, int32_t h, int32_t w, int32_t c, int32_t in_h, int32_t in_w, const int32_t kernel[2],
                    const int32_t stride[2], const int32_t pad[2]) {
  int32_t i, j, k, a, b;
  for (i = 0; i < h; i++)
    for (j = 0; j < w; j++)
      for (k = 0; k < c; k++) {
        int8_t top = -128;
        for (a = 0; a < kernel[0]; a++)
          for (b = 0; b < kernel[1]; b++) {
            const int32_t row = i * stride[0] - pad[0] + a, column = j * stride[1] - pad[1] + b;
            if (row >= 0 && row < in_h && column >= 0 && column < in_w && x[(row * in_w + column) * c + k] > top)
              top = x[(row * in_w + column) * c + k];
          }
        *y++ = top;
      }
}
