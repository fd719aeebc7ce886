/* What one row or column of the output is made of: count of the input's from first on, with the
 * weights w0 and w1, or 1 each if there are more; kind picks the factor. */
struct share {
  int32_t first, count, w0, w1, kind;
};

struct factor {
  int32_t m, shift;
};

struct mean {
  int32_t h, w, c, in_w, zero_in, zero_out, kinds; /* of columns */
  const struct share *rows, *columns;
  const struct factor *factors;
};

static int32_t weight_of(const struct share *s, int32_t i) { return s->count > 2 ? 1 : i ? s->w1 : s->w0; }

static void mean(int8_t *y, const int8_t *x, const struct mean *m) {
  int32_t i, j, k, a, b;
  for (i = 0; i < m->h; i++)
    for (j = 0; j < m->w; j++)
      for (k = 0; k < m->c; k++) {
        const struct share *r = m->rows + i, *s = m->columns + j;
        const struct factor *f = m->factors + r->kind * m->kinds + s->kind;
        int64_t sum = 0;
        for (a = 0; a < r->count; a++)
          for (b = 0; b < s->count; b++)
            sum += (int64_t)weight_of(r, a) * weight_of(s, b) * (x[((r->first + a) * m->in_w + s->first + b) * m->c + k] - m->zero_in);
        *y++ = byte_of(sum * f->m, (int)f->shift, m->zero_out);
      }
}
