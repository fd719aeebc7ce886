/* Draws with a generated program and prints what it drew as hexadecimal digits, an image a line:
 * three of a seed from a late one on, then one of latents in floats and one of latents in bytes. The classes go round. */
#define GEN_DECLARATIONS
#include "gen.c"

#include <stdio.h>

static uint8_t pixels[GEN_PIXELS];
static float floats[GEN_LATENTS];
static int8_t bytes[GEN_LATENTS];

static void print(void) {
  int i;
  for (i = 0; i < GEN_PIXELS; i++) printf("%02x", pixels[i]);
  printf("\n");
}

#if GEN_CLASSES
#define CLASS(k) , (k) % GEN_CLASSES
#else
#define CLASS(k)
#endif

int main(void) {
  int i, failed = 0;
  for (i = 0; i < 3; i++) {
    failed |= gen_draw(pixels, UINT64_C(0x123456789a), (uint64_t)i + UINT64_C(0x7ffffffc) CLASS(i));
    print();
  }
  for (i = 0; i < GEN_LATENTS; i++) {
    floats[i] = (float)(i % 23 - 11) * 0.37f;
    bytes[i] = (int8_t)(i * 37 % 255 - 127);
  }
  floats[0] = 1e30f;
  failed |= gen_draw_floats(pixels, floats CLASS(3));
  print();
  failed |= gen_draw_bytes(pixels, bytes CLASS(4));
  print();
#if GEN_CLASSES
  failed |= gen_draw_bytes(pixels, bytes, GEN_CLASSES) != -1 || gen_draw_bytes(pixels, bytes, -1) != -1;
#endif
  return failed != 0;
}
