// The reference generator on XNNPACK's operators, BatchNorm folded into weights and bias as gantiny does: "generate" in
// float32, "int8" in its qs8, which has no leaky ReLU; the int8 form is without activations.
//
//   gcc -O2 xnnpack.c -lXNNPACK -lpthreadpool -lm && ./a.out generate|int8 BATCH THREADS      (XNNPACK of 2022)
//
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS".
#include <math.h>
#include <pthreadpool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xnnpack.h>

enum { LATENT = 100, OPS = 7 };

static void must(enum xnn_status s, const char *what) {
	if (s == xnn_status_success) return;
	fprintf(stderr, "%s: XNNPACK status %d\n", what, s);
	exit(1);
}

// XNN_EXTRA_BYTES: its kernels may read a little past the end.
static float *floats(size_t n) {
	float *p = calloc(1, n * sizeof *p + XNN_EXTRA_BYTES);
	if (!p) exit(1);
	for (size_t i = 0; i < n; i++) p[i] = (rand() % 2001 - 1000) / 30000.f;
	return p;
}

static int8_t *bytes(size_t n) {
	int8_t *p = calloc(1, n + XNN_EXTRA_BYTES);
	if (!p) exit(1);
	for (size_t i = 0; i < n; i++) p[i] = rand() % 255 - 127;
	return p;
}

static double now(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
	const double d = *(const double *)a - *(const double *)b;
	return (d > 0) - (d < 0);
}

static const size_t size[4] = {7, 7, 14, 28}, channels[4] = {256, 128, 64, 1}, stride[3] = {1, 2, 2};
static const size_t flat = 7 * 7 * 256;
static xnn_operator_t op[OPS];

// inFloats prepares the float32 operators and returns where the images will be.
static float *inFloats(size_t batch, pthreadpool_t pool) {
	float *map[4], *z = floats(batch * LATENT);
	for (int i = 0; i < 4; i++) map[i] = floats(batch * size[i] * size[i] * channels[i]);
	must(xnn_create_fully_connected_nc_f32(LATENT, flat, LATENT, flat, floats(LATENT * flat), floats(flat), -INFINITY, INFINITY, 0, &op[0]), "dense");
	must(xnn_setup_fully_connected_nc_f32(op[0], batch, z, map[0], pool), "dense");
	for (int i = 0; i < 3; i++) {
		const size_t ci = channels[i], co = channels[i + 1], before = stride[i] == 1 ? 2 : 1;
		must(xnn_create_leaky_relu_nc_f32(ci, ci, ci, 0.3f, 0, &op[1 + 2 * i]), "leaky");
		must(xnn_setup_leaky_relu_nc_f32(op[1 + 2 * i], batch * size[i] * size[i], map[i], map[i], pool), "leaky");
		must(xnn_create_deconvolution2d_nhwc_f32(before, 2, 2, before, 5, 5, stride[i], stride[i], 1, 1, 1, ci, co, ci, co,
		                                         floats(25 * ci * co), floats(co), -INFINITY, INFINITY, 0, &op[2 + 2 * i]),
		     "deconvolution");
		must(xnn_setup_deconvolution2d_nhwc_f32(op[2 + 2 * i], batch, size[i], size[i], 0, 0, map[i], map[i + 1], pool), "deconvolution");
	}
	return map[3];
}

// inBytes prepares the int8 operators.
static void inBytes(size_t batch, pthreadpool_t pool) {
	int8_t *map[4], *z = bytes(batch * LATENT);
	int32_t *bias = calloc(flat, sizeof *bias);
	for (int i = 0; i < 4; i++) map[i] = bytes(batch * size[i] * size[i] * channels[i]);
	must(xnn_create_fully_connected_nc_qs8(LATENT, flat, LATENT, flat, 0, 0.03f, 0.01f, bytes(LATENT * flat), bias, 0, 0.05f, -128, 127, 0, &op[0]), "dense");
	must(xnn_setup_fully_connected_nc_qs8(op[0], batch, z, map[0], pool), "dense");
	for (int i = 0; i < 3; i++) {
		const size_t ci = channels[i], co = channels[i + 1], before = stride[i] == 1 ? 2 : 1;
		must(xnn_create_deconvolution2d_nhwc_qs8(before, 2, 2, before, 5, 5, stride[i], stride[i], 1, 1, 1, ci, co, ci, co, 0, 0.03f, 0.01f,
		                                         bytes(25 * ci * co), bias, 0, 0.5f, -128, 127, 0, &op[2 + 2 * i]),
		     "deconvolution");
		must(xnn_setup_deconvolution2d_nhwc_qs8(op[2 + 2 * i], batch, size[i], size[i], 0, 0, map[i], map[i + 1], pool), "deconvolution");
	}
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	const size_t batch = atoi(argv[2]), threads = atoi(argv[3]);
	must(xnn_initialize(NULL), "initialize");
	const pthreadpool_t pool = threads > 1 ? pthreadpool_create(threads) : NULL;
	float *images = NULL;
	if (!strcmp(argv[1], "int8"))
		inBytes(batch, pool);
	else
		images = inFloats(batch, pool);

	printf("ready XNNPACK%s\n", images ? "" : " qs8");
	fflush(stdout);
	double seconds;
	while (scanf("%lf", &seconds) == 1) {
		size_t runs = 0, room = 0;
		double *t = NULL;
		const double begin = now();
		double at = begin;
		do {
			for (int i = 0; i < OPS; i++)
				if (op[i]) must(xnn_run_operator(op[i], pool), "run");
			// It has no float32 tanh.
			for (size_t i = 0; images && i < batch * 28 * 28; i++) images[i] = tanhf(images[i]);
			const double end = now();
			if (runs == room && !(t = realloc(t, (room = 2 * room + 64) * sizeof *t))) return 1;
			t[runs++] = end - at;
			at = end;
		} while (at - begin < seconds);
		qsort(t, runs, sizeof *t, ascending);
		printf("%.6f %zu\n", t[(runs - 1) / 2] * 1e3, runs);
		fflush(stdout);
		free(t);
	}
}
