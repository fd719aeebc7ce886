/* Draws digits on a Cortex-M3 and prints them, as characters for its shades. */
#include <stdio.h>

#define DIGITS_DECLARATIONS
#include "digits.c"

static uint8_t pixels[DIGITS_PIXELS];

int main(void) {
  static const char shades[] = " .:-=+*#%@";
  int image, row, column;
  for (image = 0; image < 3; image++) {
    digits_draw(pixels, 1, (uint64_t)image);
    for (row = 0; row < DIGITS_HEIGHT; row += 2) { /* characters are twice as high as wide */
      for (column = 0; column < DIGITS_WIDTH; column++)
        putchar(shades[pixels[row * DIGITS_WIDTH + column] * (sizeof shades - 2) / 255]);
      putchar('\n');
    }
  }
  return 0;
}
