/* Copies: element (i, j, k) is x[rows[i] + columns[j] + channels[k]], through a table unless that is
 * NULL, or fill where one of the three is negative. Positions of y are step bytes apart. */
struct move {
  int32_t h, w, c, step, fill;
  const int32_t *rows, *columns, *channels;
  const int8_t *table;
};

static void move(int8_t *y, const int8_t *x, const struct move *m) {
  int32_t i, j, k;
  for (i = 0; i < m->h; i++)
    for (j = 0; j < m->w; j++, y += m->step)
      for (k = 0; k < m->c; k++) {
        if (m->rows[i] < 0 || m->columns[j] < 0 || m->channels[k] < 0) {
          y[k] = (int8_t)m->fill;
          continue;
        }
        y[k] = x[m->rows[i] + m->columns[j] + m->channels[k]];
        if (m->table) y[k] = m->table[y[k] + 128];
      }
}
