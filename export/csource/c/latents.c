/* A latent in units of 2^-21 as a byte: halves away from zero. */
static int8_t latent_byte(int32_t n) {
  n += n < 0 ? -(LATENT_STEP / 2) : LATENT_STEP / 2;
  n /= LATENT_STEP;
  return (int8_t)(n < -127 ? -127 : n > 127 ? 127 : n);
}
