/* Two inputs: element i of the first meets element i / over % wrap of the second. */
struct pair {
  int32_t zero0, zero1, zero_out, m0, m1, shift, over, wrap;
};
