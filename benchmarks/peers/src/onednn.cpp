// oneDNN's convolution and dense primitives for the reference networks, each in the layouts that oneDNN picks for itself.
//
//   g++ -O2 onednn.cpp -ldnnl && OMP_NUM_THREADS=1 ./a.out generate|int8|train BATCH THREADS      (oneDNN 2.x)
//
// A turn times every primitive by itself and answers with the sum of their medians: a floor under any program built on oneDNN.
// Reorders, normalisation, activations, losses and the optimiser are not in it. "int8" is
// "generate" with signed bytes for sources, weights and results. "train" counts the passes of one whole step:
// the generator forward and backward, the discriminator on reals and on fakes forward and backward, and the gradient
// through the discriminator to its input for the generator's loss. Its dense layer to the one logit is left out.
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS".
#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <unordered_map>
#include <vector>

using namespace dnnl;
using dims = memory::dims;
using clk = std::chrono::steady_clock;

static engine cpu(engine::kind::cpu, 0);
static stream queue(cpu);

static auto number = memory::data_type::f32; // s8 for "int8"

static memory::desc any(const dims &d) { return memory::desc(d, number, memory::format_tag::any); }

// attributes scale int8 sums back to int8.
static primitive_attr attributes() {
	primitive_attr a;
	if (number == memory::data_type::s8) a.set_output_scales(0, {0.01f});
	return a;
}

static memory filled(const memory::desc &d) {
	memory m(d, cpu);
	float *p = static_cast<float *>(m.get_data_handle());
	signed char *bytes = static_cast<signed char *>(m.get_data_handle());
	unsigned x = 1;
	for (size_t i = 0; i < d.get_size() / (d.data_type() == memory::data_type::s8 ? 1 : sizeof *p); i++) {
		x = x * 1664525u + 1013904223u;
		if (d.data_type() == memory::data_type::s8)
			bytes[i] = x >> 24;
		else
			p[i] = (x >> 8) / 8388608.f - 1;
	}
	return m;
}

struct Pass {
	primitive prim;
	std::unordered_map<int, memory> args;
	double times; // how often one Run or step needs it
	void run() {
		prim.execute(queue, args);
		queue.wait();
	}
};
static std::vector<Pass> passes;

template <class PD> static void forward(const PD &pd, double times) {
	passes.push_back({primitive(pd),
	                  {{DNNL_ARG_SRC, filled(pd.src_desc())},
	                   {DNNL_ARG_WEIGHTS, filled(pd.weights_desc())},
	                   {DNNL_ARG_DST, filled(pd.dst_desc())}},
	                  times});
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
	auto s = any({n, ci}), w = any({co, ci}), d = any({n, co});
	inner_product_forward::primitive_desc f({kind, s, w, d}, attributes(), cpu);
	forward(f, t.forward);
	if (t.weightGrad > 0) weightGrad(inner_product_backward_weights::primitive_desc({s, w, d}, cpu, f), t.weightGrad);
}

static void transposed(prop_kind kind, int n, int ci, int co, int size, int stride, Times t) {
	const auto alg = algorithm::deconvolution_direct;
	auto s = any({n, ci, size, size}), w = any({co, ci, 5, 5}), d = any({n, co, size * stride, size * stride});
	dims st{stride, stride}, before(2, stride == 1 ? 2 : 1), after{2, 2};
	deconvolution_forward::primitive_desc f({kind, alg, s, w, d, st, before, after}, attributes(), cpu);
	forward(f, t.forward);
	if (t.inputGrad > 0)
		inputGrad(deconvolution_backward_data::primitive_desc({alg, s, w, d, st, before, after}, cpu, f), t.inputGrad);
	if (t.weightGrad > 0)
		weightGrad(deconvolution_backward_weights::primitive_desc({alg, s, w, d, st, before, after}, cpu, f), t.weightGrad);
}

static void convolution(int n, int ci, int co, int size, Times t) {
	const auto alg = algorithm::convolution_auto;
	auto s = any({n, ci, size, size}), w = any({co, ci, 5, 5}), d = any({n, co, size / 2, size / 2});
	dims st{2, 2}, before{1, 1}, after{2, 2};
	convolution_forward::primitive_desc f({prop_kind::forward_training, alg, s, w, d, st, before, after}, cpu);
	forward(f, t.forward);
	inputGrad(convolution_backward_data::primitive_desc({alg, s, w, d, st, before, after}, cpu, f), t.inputGrad);
	weightGrad(convolution_backward_weights::primitive_desc({alg, s, w, d, st, before, after}, cpu, f), t.weightGrad);
}

int main(int argc, char **argv) {
	if (argc != 4) return 2;
	const bool train = !strcmp(argv[1], "train");
	if (!strcmp(argv[1], "int8")) number = memory::data_type::s8;
	const int n = atoi(argv[2]);
	const auto kind = train ? prop_kind::forward_training : prop_kind::forward_inference;
	const double b = train ? 1 : 0;
	dense(kind, n, 100, 7 * 7 * 256, {1, 0, b});
	transposed(kind, n, 256, 128, 7, 1, {1, b, b});
	transposed(kind, n, 128, 64, 7, 2, {1, b, b});
	transposed(kind, n, 64, 1, 14, 2, {1, b, b});
	if (train) {
		// The images' gradient is wanted once (generator's loss); the second layer's on reals, on fakes and once more for that.
		convolution(n, 1, 64, 28, {2, 1, 2});
		convolution(n, 64, 128, 14, {2, 3, 2});
	}
	for (auto &p : passes) p.run();

	const version_t *v = version();
	printf("ready oneDNN %d.%d.%d%s, sum of its primitives\n", v->major, v->minor, v->patch, number == memory::data_type::s8 ? " s8" : "");
	fflush(stdout);
	double seconds;
	while (std::cin >> seconds) {
		double ms = 0;
		size_t least = SIZE_MAX;
		for (auto &p : passes) {
			std::vector<double> t;
			const auto begin = clk::now();
			auto at = begin;
			do {
				p.run();
				const auto end = clk::now();
				t.push_back(std::chrono::duration<double, std::milli>(end - at).count());
				at = end;
			} while (t.size() < 2 || std::chrono::duration<double>(at - begin).count() < seconds / passes.size());
			std::sort(t.begin(), t.end());
			ms += p.times * t[(t.size() - 1) / 2];
			least = std::min(least, t.size());
		}
		printf("%.6f %zu\n", ms, least);
		fflush(stdout);
	}
}
