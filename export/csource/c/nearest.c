/* The nearest whole number of |v| < 2^22, ties to even, from the bits of v: no compiler can join what
 * made v and what rounds it into one operation of other results. */
static int32_t nearest(float v) {
  uint32_t bits, whole, rest, half;
  int shift;
  memcpy(&bits, &v, sizeof bits);
  shift = 150 - (int)(bits >> 23 & 255);
  if (shift > 25) return 0;
  whole = (bits & 0x7fffff) | 0x800000;
  rest = whole & ((UINT32_C(1) << shift) - 1);
  half = UINT32_C(1) << (shift - 1);
  whole >>= shift;
  if (rest > half || (rest == half && (whole & 1))) whole++;
  return bits >> 31 ? -(int32_t)whole : (int32_t)whole;
}
