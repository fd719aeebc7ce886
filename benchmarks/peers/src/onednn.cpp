// oneDNN's convolution and dense primitives for the reference networks, each in the layouts that oneDNN picks for itself.
//
//   g++ -O2 onednn.cpp -ldnnl && OMP_NUM_THREADS=1 ./a.out generate|int8|s8|train BATCH THREADS [SIZE CHANNELS]
//
// oneDNN 2.x and 3.x, by its headers. ONEDNN_MAX_CPU_ISA=AVX2 in the environment keeps it to that instruction set.
//
// A turn times every primitive by itself and answers with the sum of their medians: a floor under any program built on oneDNN.
// Reorders, normalization, activations, losses and the optimizer are not in it. "int8" is "generate" with unsigned bytes
// for sources and results and signed ones for weights, which oneDNN does fastest (where there are no dot products of bytes its 16-bit sums
// saturate); "s8" has signed bytes throughout. SIZE and CHANNELS are those of other images, 28 and 1 if they are not given.
// "train" counts the passes of one whole step:
// the generator forward and backward, the discriminator on reals and on fakes forward and backward, and the gradient
// through the discriminator to its input for the generator's loss. Its dense layer to the one logit is left out.
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS CPU", CPU being
// the sum of the primitives' least processor times, by all of the process's threads.
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using dims = memory::dims;
using type = memory::data_type;
using clk = std::chrono::steady_clock;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);

// Of sources and results, and of weights.
static auto number = type::f32, weight = type::f32;

static memory::desc any(const dims &d, type t) { return memory::desc(d, t, memory::format_tag::any); }

using Arguments = std::unordered_map<int, memory>;

// scale is what int8 sums are multiplied by to be int8 again.
static const float scale = 0.01f;

#if DNNL_VERSION_MAJOR >= 3
static primitive_attr attributes() {
	primitive_attr a;
	if (number != type::f32) a.set_scales_mask(DNNL_ARG_WEIGHTS, 0);
	return a;
}

static void addScale(Arguments &a) {
	if (number == type::f32) return;
	memory m({{1}, type::f32, memory::format_tag::x}, cpu);
	*static_cast<float *>(m.get_data_handle()) = scale;
	a.insert({DNNL_ARG_ATTR_SCALES | DNNL_ARG_WEIGHTS, m});
}

// described describes a forward pass, gradient a backward one of the layer that hint describes.
template <class P, class... A> static typename P::primitive_desc described(const A &...args) {
	return {cpu, args..., attributes()};
}
template <class P, class H, class... A> static typename P::primitive_desc gradient(const H &hint, const A &...args) {
	return {cpu, args..., hint};
}
#else
static primitive_attr attributes() {
	primitive_attr a;
	if (number != type::f32) a.set_output_scales(0, {scale});
	return a;
}

static void addScale(Arguments &) {} // it is among the attributes

template <class P, class... A> static typename P::primitive_desc described(const A &...args) {
	return {typename P::desc(args...), attributes(), cpu};
}
template <class P, class H, class... A> static typename P::primitive_desc gradient(const H &hint, const A &...args) {
	return {typename P::desc(args...), cpu, hint};
}
#endif

static memory filled(const memory::desc &d) {
	memory m(d, cpu);
	float *p = static_cast<float *>(m.get_data_handle());
	unsigned char *bytes = static_cast<unsigned char *>(m.get_data_handle());
	unsigned x = 1;
	if (number == type::f32)
		for (size_t i = 0; i < d.get_size() / sizeof *p; i++) p[i] = ((x = x * 1664525u + 1013904223u) >> 8) / 8388608.f - 1;
	else
		for (size_t i = 0; i < d.get_size(); i++) bytes[i] = (x = x * 1664525u + 1013904223u) >> 24;
	return m;
}

// processor is the seconds that all of the process's threads have worked.
static double processor() {
	timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

struct Pass {
	primitive prim;
	Arguments args;
	double times; // how often one Run or step needs it
	void run() {
		prim.execute(queue, args);
		queue.wait();
	}
};
static std::vector<Pass> passes;

template <class PD> static void forward(const PD &pd, double times) {
	Arguments a{{DNNL_ARG_SRC, filled(pd.src_desc())}, {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())}, {DNNL_ARG_DST, filled(pd.dst_desc())}};
	addScale(a);
	passes.push_back({primitive(pd), a, times});
}

template <class PD> static void inputGrad(const PD &pd, double times) {
	passes.push_back({primitive(pd),
	                  {{DNNL_ARG_DIFF_SRC, filled(pd.diff_src_desc())},
	                   {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())},
	                   {DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc())}},
	                  times});
}

template <class PD> static void weightGrad(const PD &pd, double times) {
	passes.push_back({primitive(pd),
	                  {{DNNL_ARG_SRC, filled(pd.src_desc())},
	                   {DNNL_ARG_DIFF_WEIGHTS, filled(pd.diff_weights_desc())},
	                   {DNNL_ARG_DIFF_DST, filled(pd.diff_dst_desc())}},
	                  times});
}

// How often a step runs each of a layer's passes.
struct Times {
	double forward, inputGrad, weightGrad;
};

static void dense(prop_kind kind, int n, int ci, int co, Times t) {
	auto s = any({n, ci}, number), w = any({co, ci}, weight), d = any({n, co}, number);
	auto f = described<inner_product_forward>(kind, s, w, d);
	forward(f, t.forward);
	if (t.weightGrad > 0) weightGrad(gradient<inner_product_backward_weights>(f, s, w, d), t.weightGrad);
}

static void transposed(prop_kind kind, int n, int ci, int co, int size, int stride, Times t) {
	const auto alg = algorithm::deconvolution_direct;
	const int out = size * stride;
	auto s = any({n, ci, size, size}, number), w = any({co, ci, 5, 5}, weight), d = any({n, co, out, out}, number);
	const dims st{stride, stride}, before(2, stride == 1 ? 2 : 1), after{2, 2};
	auto f = described<deconvolution_forward>(kind, alg, s, w, d, st, before, after);
	forward(f, t.forward);
	if (t.inputGrad > 0) inputGrad(gradient<deconvolution_backward_data>(f, alg, s, w, d, st, before, after), t.inputGrad);
	if (t.weightGrad > 0) weightGrad(gradient<deconvolution_backward_weights>(f, alg, s, w, d, st, before, after), t.weightGrad);
}

static void convolution(int n, int ci, int co, int size, Times t) {
	const auto alg = algorithm::convolution_auto;
	auto s = any({n, ci, size, size}, number), w = any({co, ci, 5, 5}, weight), d = any({n, co, size / 2, size / 2}, number);
	const dims st{2, 2}, before{1, 1}, after{2, 2};
	auto f = described<convolution_forward>(prop_kind::forward_training, alg, s, w, d, st, before, after);
	forward(f, t.forward);
	inputGrad(gradient<convolution_backward_data>(f, alg, s, w, d, st, before, after), t.inputGrad);
	weightGrad(gradient<convolution_backward_weights>(f, alg, s, w, d, st, before, after), t.weightGrad);
}

// prepare makes the passes that a kind of work has.
static void prepare(bool train, int n, int size, int channels) {
	const auto kind = train ? prop_kind::forward_training : prop_kind::forward_inference;
	const double b = train ? 1 : 0;
	const int base = size / 4;
	dense(kind, n, 100, base * base * 256, {1, 0, b});
	transposed(kind, n, 256, 128, base, 1, {1, b, b});
	transposed(kind, n, 128, 64, base, 2, {1, b, b});
	transposed(kind, n, 64, channels, 2 * base, 2, {1, b, b});
	if (train) {
		// The images' gradient is wanted once (generator's loss); the second layer's on reals, on fakes and once more for that.
		convolution(n, channels, 64, size, {2, 1, 2});
		convolution(n, 64, 128, size / 2, {2, 3, 2});
	}
	for (auto &p : passes) p.run();
}

// A turn's answer, in milliseconds.
struct Answer {
	double median, processor;
	size_t runs;
};

static Answer turn(double seconds) {
	Answer a{0, 0, SIZE_MAX};
	for (auto &p : passes) {
		std::vector<double> t;
		double least = 1e30;
		const auto begin = clk::now();
		auto at = begin;
		do {
			const double used = processor();
			p.run();
			least = std::min(least, processor() - used);
			const auto end = clk::now();
			t.push_back(std::chrono::duration<double, std::milli>(end - at).count());
			at = end;
		} while (t.size() < 2 || std::chrono::duration<double>(at - begin).count() < seconds / passes.size());
		std::sort(t.begin(), t.end());
		a.median += p.times * t[(t.size() - 1) / 2];
		a.processor += p.times * least * 1e3;
		a.runs = std::min(a.runs, t.size());
	}
	return a;
}

int main(int argc, char **argv) {
	if (argc != 4 && argc != 6) return 2;
	const char *note = "";
	if (!strcmp(argv[1], "int8")) number = type::u8, weight = type::s8, note = " u8 x s8";
	if (!strcmp(argv[1], "s8")) number = weight = type::s8, note = " s8 x s8";
	const int size = argc == 6 ? atoi(argv[4]) : 28, channels = argc == 6 ? atoi(argv[5]) : 1;
	prepare(!strcmp(argv[1], "train"), atoi(argv[2]), size, channels);

	const version_t *v = version();
	printf("ready oneDNN %d.%d.%d%s, sum of its primitives\n", v->major, v->minor, v->patch, note);
	fflush(stdout);
	double seconds;
	while (std::cin >> seconds) {
		const Answer a = turn(seconds);
		printf("%.6f %zu %.6f\n", a.median, a.runs, a.processor);
		fflush(stdout);
	}
}
