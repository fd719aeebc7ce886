/* The pixel of tanh(sum * scale / 512): rises[k] is the least v at which the pixel is 129 + k. */
static uint8_t tanh_pixel(int32_t sum, float scale) {
  float f = (float)sum * scale;
  int32_t v, size;
  int low = 0, high = (int)(sizeof rises / sizeof rises[0]);
  if (!(f < 2047)) f = 2047;
  if (f < -2048) f = -2048;
  v = nearest(f);
  size = v < 0 ? -v : v;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (size >= rises[middle]) low = middle + 1;
    else high = middle;
  }
  return (uint8_t)(v < 0 ? 127 - low : 128 + low);
}
