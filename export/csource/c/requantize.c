/* A sum in steps of a value: each step is one float32 operation. slope is of negative values. */
static int8_t requantize(int32_t sum, float scale, float slope, int32_t zero) {
  float v = (float)sum * scale;
  const float w = slope * v, high = (float)(127 - zero), low = (float)(-128 - zero);
  if (w > v) v = w;
  if (!(v < high)) v = high;
  if (!(v > low)) v = low;
  return (int8_t)(nearest(v) + zero);
}
