// The reference generator on XNNPACK's operators, BatchNorm folded into weights and bias as gantiny does: "generate" in
// float32, "int8" in its qs8. XNNPACK of 2022 has no leaky ReLU and no tanh in qs8: there the int8 form is without activations.
//
//   gcc -O2 xnnpack.c -lXNNPACK -lpthreadpool -lm && ./a.out generate|int8 BATCH THREADS [SIZE CHANNELS]
//
// XNNPACK of 2022, as Debian 12 has it, and of 2025 and later, which wants -lxnnpack-microkernels-prod -lcpuinfo too. SIZE and CHANNELS
// are those of other images, 28 and 1 if they are not given.
//
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS CPU", CPU being the
// least processor time of a run, by all of the process's threads.
#include <math.h>
#include <pthreadpool.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xnnpack.h>

enum { LATENT = 100, OPS = 8 };

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

static double seconds(clockid_t clock) {
	struct timespec t;
	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static int ascending(const void *a, const void *b) {
	const double d = *(const double *)a - *(const double *)b;
	return (d > 0) - (d < 0);
}

static size_t size[4] = {7, 7, 14, 28}, channels[4] = {256, 128, 64, 1}, batch;
static const size_t stride[3] = {1, 2, 2};
static pthreadpool_t pool;
static xnn_operator_t op[OPS]; // those that are not NULL run, in this order

// The steps of the int8 features.
static const float inputStep = 0.03f, weightStep = 0.01f, denseStep = 0.05f, step = 0.5f;

#ifdef XNN_FLAG_SLOW_CONSISTENT_ARITHMETIC // of 2025 and later
static const bool activates = true; // in int8 too
#define FLAGS 0, NULL // and no cache of weights
#define SETUP(o, kind, in, out, ...)                                         \
	must(xnn_reshape_##kind(o, batch, ##__VA_ARGS__, pool), "reshape " #kind); \
	must(xnn_setup_##kind(o, in, out), "setup " #kind)
#define IMAGE(i) size[i], size[i], 0, 0, NULL, NULL

static void unary(xnn_operator_t *o, enum xnn_unary_operator kind, enum xnn_datatype type, float in, float out, int i, void *map) {
	const union xnn_unary_params slope = {.leaky_relu = {.negative_slope = 0.3f}};
	const struct xnn_quantization_params from = {0, in}, to = {0, out};
	must(xnn_create_unary_elementwise_nc(kind, type, type, &slope, NULL, &from, &to, 0, o), "activation");
	must(xnn_reshape_unary_elementwise_nc(*o, batch * size[i] * size[i], channels[i], channels[i], channels[i], pool), "activation");
	must(xnn_setup_unary_elementwise_nc(*o, map, map), "activation");
}

static void leakyFloats(xnn_operator_t *o, int i, float *map) { unary(o, xnn_unary_leaky_relu, xnn_datatype_fp32, 1, 1, i, map); }
static void leakyBytes(xnn_operator_t *o, int i, float step, int8_t *map) { unary(o, xnn_unary_leaky_relu, xnn_datatype_qint8, step, step, i, map); }
static void tanhFloats(xnn_operator_t *o, float *map) { unary(o, xnn_unary_tanh, xnn_datatype_fp32, 1, 1, 3, map); }
static void tanhBytes(xnn_operator_t *o, float step, int8_t *map) { unary(o, xnn_unary_tanh, xnn_datatype_qint8, step, 1 / 128.f, 3, map); }
#else // of 2022
static const bool activates = false;
#define FLAGS 0
#define SETUP(o, kind, in, out, ...) must(xnn_setup_##kind(o, batch, ##__VA_ARGS__, in, out, pool), "setup " #kind)
#define IMAGE(i) size[i], size[i], 0, 0

static void leakyFloats(xnn_operator_t *o, int i, float *map) {
	must(xnn_create_leaky_relu_nc_f32(channels[i], channels[i], channels[i], 0.3f, 0, o), "leaky");
	must(xnn_setup_leaky_relu_nc_f32(*o, batch * size[i] * size[i], map, map, pool), "leaky");
}
static void leakyBytes(xnn_operator_t *o, int i, float step, int8_t *map) { (void)o, (void)i, (void)step, (void)map; }
static void tanhFloats(xnn_operator_t *o, float *map) { (void)o, (void)map; } // main does
static void tanhBytes(xnn_operator_t *o, float step, int8_t *map) { (void)o, (void)step, (void)map; }
#endif

// The geometry of transposed convolution i, as its creators want it: crops, kernel, strides, dilation, groups, channels.
#define GEOMETRY(i)                                                                                                  \
	stride[i] == 1 ? 2 : 1, 2, 2, stride[i] == 1 ? 2 : 1, 5, 5, stride[i], stride[i], 1, 1, 1, channels[i], channels[i + 1], \
	    channels[i], channels[i + 1]

// inFloats prepares the float32 operators and returns where the images will be.
static float *inFloats(void) {
	const size_t flat = size[0] * size[0] * channels[0];
	float *map[4], *z = floats(batch * LATENT);
	for (int i = 0; i < 4; i++) map[i] = floats(batch * size[i] * size[i] * channels[i]);
	must(xnn_create_fully_connected_nc_f32(LATENT, flat, LATENT, flat, floats(LATENT * flat), floats(flat), -INFINITY, INFINITY, FLAGS, &op[0]), "dense");
	SETUP(op[0], fully_connected_nc_f32, z, map[0]);
	for (int i = 0; i < 3; i++) {
		const size_t weights = 25 * channels[i] * channels[i + 1];
		leakyFloats(&op[1 + 2 * i], i, map[i]);
		must(xnn_create_deconvolution2d_nhwc_f32(GEOMETRY(i), floats(weights), floats(channels[i + 1]), -INFINITY, INFINITY, FLAGS, &op[2 + 2 * i]),
		     "deconvolution");
		SETUP(op[2 + 2 * i], deconvolution2d_nhwc_f32, map[i], map[i + 1], IMAGE(i));
	}
	tanhFloats(&op[7], map[3]);
	return map[3];
}

// inBytes prepares the int8 operators.
static void inBytes(void) {
	const size_t flat = size[0] * size[0] * channels[0];
	int8_t *map[4], *z = bytes(batch * LATENT);
	int32_t *bias = calloc(flat, sizeof *bias);
	if (!bias) exit(1);
	for (int i = 0; i < 4; i++) map[i] = bytes(batch * size[i] * size[i] * channels[i]);
	must(xnn_create_fully_connected_nc_qs8(LATENT, flat, LATENT, flat, 0, inputStep, weightStep, bytes(LATENT * flat), bias, 0, denseStep, -128, 127, FLAGS,
	                                       &op[0]),
	     "dense");
	SETUP(op[0], fully_connected_nc_qs8, z, map[0]);
	for (int i = 0; i < 3; i++) {
		const size_t weights = 25 * channels[i] * channels[i + 1];
		const float from = i == 0 ? denseStep : step;
		leakyBytes(&op[1 + 2 * i], i, from, map[i]);
		must(xnn_create_deconvolution2d_nhwc_qs8(GEOMETRY(i), 0, from, weightStep, bytes(weights), bias, 0, step, -128, 127, FLAGS, &op[2 + 2 * i]),
		     "deconvolution");
		SETUP(op[2 + 2 * i], deconvolution2d_nhwc_qs8, map[i], map[i + 1], IMAGE(i));
	}
	tanhBytes(&op[7], step, map[3]);
}

// once draws a batch; images are NULL in int8.
static void once(float *images) {
	for (int i = 0; i < OPS; i++)
		if (op[i]) must(xnn_run_operator(op[i], pool), "run");
	// XNNPACK of 2022 has no tanh.
	for (size_t i = 0; images && !activates && i < batch * size[3] * size[3] * channels[3]; i++) images[i] = tanhf(images[i]);
}

// turn draws for some time and prints the answer.
static void turn(double time, float *images) {
	size_t runs = 0, room = 0;
	double *t = NULL, least = INFINITY;
	const double begin = seconds(CLOCK_MONOTONIC);
	double at = begin;
	do {
		const double used = seconds(CLOCK_PROCESS_CPUTIME_ID);
		once(images);
		least = fmin(least, seconds(CLOCK_PROCESS_CPUTIME_ID) - used);
		const double end = seconds(CLOCK_MONOTONIC);
		if (runs == room && !(t = realloc(t, (room = 2 * room + 64) * sizeof *t))) exit(1);
		t[runs++] = end - at;
		at = end;
	} while (at - begin < time);
	qsort(t, runs, sizeof *t, ascending);
	printf("%.6f %zu %.6f\n", t[(runs - 1) / 2] * 1e3, runs, least * 1e3);
	fflush(stdout);
	free(t);
}

int main(int argc, char **argv) {
	if (argc != 4 && argc != 6) return 2;
	batch = atoi(argv[2]);
	const size_t threads = atoi(argv[3]);
	if (argc == 6) {
		size[3] = atoi(argv[4]), size[2] = size[3] / 2, size[1] = size[0] = size[3] / 4;
		channels[3] = atoi(argv[5]);
	}
	must(xnn_initialize(NULL), "initialize");
	if (threads > 1) pool = pthreadpool_create(threads);
	float *images = NULL;
	const bool int8 = !strcmp(argv[1], "int8");
	if (int8)
		inBytes();
	else
		images = inFloats();
	once(images);

	printf("ready XNNPACK%s%s\n", activates ? "" : " 2022", int8 ? activates ? " qs8" : " qs8 without activations" : "");
	fflush(stdout);
	double time;
	while (scanf("%lf", &time) == 1) turn(time, images);
}
