// The reference generator on ncnn in float32, BatchNorm folded into weights and bias as gantiny does and leaky ReLU fused into the layer before it.
// ncnn before 2026 has no batches: there it draws one image after the other.
//
//   g++ -O2 ncnn.cpp -fopenmp -lncnn && ./a.out generate BATCH THREADS [SIZE CHANNELS]
//
// SIZE and CHANNELS are those of other images, 28 and 1 if they are not given.
// Talks with benchmarks/peers by lines: "ready NAME", then for each line "SECONDS" a line "MILLISECONDS RUNS CPU", CPU being the
// least processor time of a run, by all of the process's threads.
#if __has_include(<ncnn/net.h>)
#include <ncnn/c_api.h>
#include <ncnn/datareader.h>
#include <ncnn/net.h>
#else
#include <c_api.h>
#include <datareader.h>
#include <net.h>
#endif

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <vector>

using clk = std::chrono::steady_clock;

static const int latent = 100;

// Random gives small random weights; four bytes alone are the mark before an array, 0 for float32.
class Random : public ncnn::DataReader {
public:
	size_t read(void *to, size_t size) const override {
		float *p = static_cast<float *>(to);
		for (size_t i = 0; i < size / sizeof *p; i++) p[i] = size == sizeof *p ? 0 : (rand() % 2001 - 1000) / 30000.f;
		return size;
	}
};

// transposed is the line of a transposed convolution; before is what it crops at the top and the left.
static std::string transposed(const char *name, const char *from, const char *to, int ci, int co, int stride, const char *activation) {
	char line[300];
	const int before = stride == 1 ? 2 : 1;
	snprintf(line, sizeof line, "Deconvolution %s 1 1 %s %s 0=%d 1=5 3=%d 4=%d 14=%d 15=2 16=2 5=1 6=%d%s\n", name, from, to, co, stride, before, before,
	         25 * ci * co, activation);
	return line;
}

static std::string network(int size, int channels) {
	const int base = size / 4, flat = base * base * 256;
	const char *leaky = " 9=2 -23310=1,0.3";
	char head[300];
	snprintf(head, sizeof head, "7767517\n7 7\nInput z 0 1 z 0=%d\nInnerProduct dense 1 1 z a 0=%d 1=1 2=%d%s\nReshape reshape 1 1 a b 0=%d 1=%d 2=256\n",
	         latent, flat, latent * flat, leaky, base, base);
	return head + transposed("convt1", "b", "c", 256, 128, 1, leaky) + transposed("convt2", "c", "d", 128, 64, 2, leaky) +
	       transposed("convt3", "d", "e", 64, channels, 2, "") + "TanH tanh 1 1 e image\n";
}

// processor is the seconds that all of the process's threads have worked.
static double processor() {
	timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

#if NCNN_BATCH
static int runs(int) { return 1; }
static ncnn::Mat vectors(int batch) { return ncnn::Mat(latent, sizeof(float), 1, batch); }
#else
static int runs(int batch) { return batch; }
static ncnn::Mat vectors(int) { return ncnn::Mat(latent); }
#endif

static void draw(const ncnn::Net &net, const ncnn::Mat &z, int batch, int size, int channels) {
	for (int i = 0; i < runs(batch); i++) {
		ncnn::Extractor e = net.create_extractor();
		ncnn::Mat image;
		if (e.input("z", z) || e.extract("image", image) || image.w != size || image.h != size || image.c * image.elempack != channels) {
			fprintf(stderr, "an image of %d x %d x %d\n", image.w, image.h, image.c * image.elempack);
			exit(1);
		}
	}
}

int main(int argc, char **argv) {
	if ((argc != 4 && argc != 6) || strcmp(argv[1], "generate")) return 2;
	const int batch = atoi(argv[2]), size = argc == 6 ? atoi(argv[4]) : 28, channels = argc == 6 ? atoi(argv[5]) : 1;
	ncnn::Net net;
	net.opt.num_threads = atoi(argv[3]);
	net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = net.opt.use_bf16_storage = false;
	if (net.load_param_mem(network(size, channels).c_str()) || net.load_model(Random())) {
		fprintf(stderr, "ncnn does not take the network\n");
		return 1;
	}
	ncnn::Mat z = vectors(batch);
	for (size_t i = 0; i < z.total(); i++) z[i] = (rand() % 2001 - 1000) / 1000.f;
	for (int i = 0; i < 3; i++) draw(net, z, batch, size, channels);

	printf("ready ncnn %s\n", ncnn_version());
	fflush(stdout);
	double seconds;
	while (std::cin >> seconds) {
		std::vector<double> t;
		double least = 1e30;
		const auto begin = clk::now();
		auto at = begin;
		do {
			const double used = processor();
			draw(net, z, batch, size, channels);
			least = std::min(least, processor() - used);
			const auto end = clk::now();
			t.push_back(std::chrono::duration<double, std::milli>(end - at).count());
			at = end;
		} while (std::chrono::duration<double>(at - begin).count() < seconds);
		std::sort(t.begin(), t.end());
		printf("%.6f %zu %.6f\n", t[(t.size() - 1) / 2], t.size(), least * 1e3);
		fflush(stdout);
	}
}
