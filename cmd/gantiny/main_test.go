package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/bench"
	"github.com/gantiny/gantiny/model"
)

// result is what a run of the program leaves behind.
type result struct {
	status         int
	stdout, stderr string
}

// gantiny runs the program in this process, off a terminal.
func gantiny(t *testing.T, args ...string) result {
	t.Helper()
	return gantinyContext(t.Context(), args...)
}

func gantinyContext(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	status := run(ctx, args, &stdout, &stderr)
	return result{status, stdout.String(), stderr.String()}
}

// want fails the test unless the run ended with the status and said each of the texts on standard
// error.
func (r result) want(t *testing.T, status int, says ...string) result {
	t.Helper()
	if r.status != status {
		t.Fatalf("exit status %d, want %d; stderr: %s", r.status, status, r.stderr)
	}
	for _, text := range says {
		if !strings.Contains(r.stderr, text) {
			t.Errorf("standard error is %q, want %q in it", r.stderr, text)
		}
	}
	return r
}

// files lists what stands in a directory, hidden files too.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// wrongUsages are command lines that cannot be meant, and what the message has to say.
var wrongUsages = []struct{ args, says string }{
	{"genrate", "did you mean generate"},
	{"nosuch", `unknown command "nosuch"`},
	{"--nosuch", "--nosuch"},
	{"generate --nosuch", "--nosuch"},
	{"generate a b", "one MODEL at most"},
	{"generate -n nine", "-n nine: not a whole number"},
	{"generate --number=nine", "--number nine: not a whole number"},
	{"generate -n 0", "-n 0"},
	{"generate -n", "-n: needs a value"},
	{"generate --seed -1", "--seed -1"},
	{"generate --cols -2", "--cols -2"},
	{"generate --cols 4 -o a.npy", "--cols 4"},
	{"generate --batch 0", "--batch 0"},
	{"generate --max-ram 64Q", "--max-ram 64Q: not a size such as 64M"},
	{"generate --max-ram 0", "--max-ram 0: not a size"},
	{"generate --max-ram -1M", "--max-ram -1M: not a size"},
	{"generate --max-ram NaN", "--max-ram NaN: not a size"},
	{"generate --max-ram 1M", "--max-ram 1M: embedded needs at least"},
	{"inspect --kernel nosuch", "--kernel nosuch"},
	{"generate --threads -1", "--threads -1: want 0, for one a processor, to 1024"},
	{"generate --threads 100000", "--threads 100000"},
	{"generate --kernel nosuch", "--kernel nosuch"},
	{"generate --class 12", "--class 12: embedded has classes 0 to 9"},
	{"generate --interpolate -1", "--interpolate -1"},
	{"generate --interpolate 3 -n 1", "--interpolate 3"},
	{"generate --interpolate 2000000000 -n 3", "--interpolate 2000000000"},
	{"generate -n 2000000000", "2000000000 images do not fit one picture"},
	{"generate --shard 2", "--shard 2"},
	{"generate --shard 0/2", "--shard 0/2"},
	{"generate --shard 3/2", "--shard 3/2"},
	{"generate --shard x/2", "--shard x/2"},
	{"generate --shard 1/9 -n 8", "nothing to draw"},
	{"generate -n 50 --count 7", "give one of them"},
	{"generate --directions 1 --count 5", "no --count"},
	{"train --out run --data digits --task classify --teacher embedded", "teacher is set"},
	{"train --out run --data digits --task classify --d-steps 3", "d_steps is set"},
	{"generate --shard 1+/4", "--shard 1+/4"},
	{"generate --shard 4+1/4", "--shard 4+1/4"},
	{"generate --shard -1+2/4", "--shard -1+2/4"},
	{"generate --shard 9223372036854775807+9223372036854775807/4", "--shard"},
	{"generate --part 3", "--part 3: goes with a set of parts"},
	{"generate --part 0 -o d-%02d.tar", "0 pictures in a part"},
	{"generate --count 0 -o d-%02d.tar", "-n 0"},
	{"generate --count 1000 --part 1 -o d-%02d.tar", "%03d"},
	{"generate -o d-%02d.zip", "ends in .tar"},
	{"generate -o d-%02d-%02d.tar", "want one number"},
	{"generate -o d-%02d.tar --interpolate 3", "--interpolate: does not go with a set"},
	{"generate -o d-%02d.tar --latents z.npy", "--latents: does not go with a set"},
	{"generate -o d-%02d.tar --cols 3", "--cols: does not go with a set"},
	{"generate -o d-%02d.tar --show", "--show: does not go with a set"},
	{"generate -o d-%02d.tar --class 12", "--class 12"},
	{"generate -o d-%02d.tar --batch 0", "--batch 0"},
	{"generate -o d-%02d.tar --shard 1/100000", "shard 1/100000"},
	{"generate -o d-%02d.tar --max-ram 1M", "needs at least"},
	{"verify", "which manifests"},
	{"verify nosuch-*.json", "nosuch-*.json: no files"},
	{"generate -o digits.bmp", "-o digits.bmp"},
	{"generate -o digits", "-o digits"},
	{"generate -o - --json", "--json and -o -"},
	{"inspect a b", "one MODEL at most"},
	{"quantize", "which MODEL"},
	{"quantize a.safetensors", "-o"},
	{"quantize a.safetensors -o b --calib 0", "--calib 0"},
	{"quantize a.safetensors -o .", "-o ."},
	{"version now", "takes no arguments"},
	{"train --data digits", "--out"},
	{"train --out run", "--data"},
	{"train --out run --data nosuch", "--data: dataset: nosuch"},
	{"train --out run --data digits --epochs 0", "epochs is 0"},
	{"bench --batch 0", "--batch 0"},
	{"bench --seconds 0", "--seconds 0"},
	{"bench --train model.safetensors", "neither the directory of a run nor a recipe (classifier, conditional"},
	{"bench --strict", "--strict goes with --train"},
	{"train --out run --data digits --config wrong.toml", "epocs"},
	{"train --out run --resume", "no run to resume"},
	{"train --out run --data digits --learning-rate fast", "--learning-rate fast: not a number"},
	{"train --out run --data digits --learning-rate 0", "learning_rate is 0"},
	{"completion nosuch", "unknown command \"nosuch\""},
	{"completion bash now", "takes no arguments, got now"},
	{"evall model --data x", "unknown command \"evall\""},
	{"generate --sed 1", "unknown flag --sed; did you mean --seed?"},
	{"generate -x", "unknown flag -x"},
	{"train stray", "takes no arguments"},
	{"train --out run --data digits --threads 100000000", "--threads 100000000: want 0"},
	{"train --out run --data digits --threads -1", "threads"},
	{"generate -n 5 --interpolate 9223372036854775807 -o a.npy", "--interpolate 9223372036854775807"},
	{"generate -n 9223372036854775807 -o a.npy", "-n 9223372036854775807"},
	{"generate -n 9223372036854775808", "-n 9223372036854775808: not within"},
	{"generate --shard 9223372036854775807/9223372036854775806", "--shard"},
	{"quantize a.safetensors -o b --kernel nosuch", "--kernel nosuch"},
}

func TestUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("wrong.toml", []byte("epocs = 3\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range wrongUsages {
		t.Run(c.args, func(t *testing.T) {
			r := gantiny(t, strings.Fields(c.args)...).want(t, exitUsage, c.says)
			if r.stdout != "" {
				t.Errorf("standard output: %q, want none", r.stdout)
			}
			if lines := strings.Count(r.stderr, "\n"); lines != 2 {
				t.Errorf("%d lines, want one about the mistake and one about --help: %q", lines, r.stderr)
			}
		})
	}
	if got := files(t, "."); len(got) != 1 {
		t.Errorf("wrong usage left %v", got)
	}
}

func TestHelpAndVersion(t *testing.T) {
	r := gantiny(t).want(t, exitDone)
	for _, command := range []string{"generate", "train", "inspect", "bench", "version", "completion"} {
		if !strings.Contains(r.stdout, "\n  "+command+" ") {
			t.Errorf("help does not list %s", command)
		}
	}
	if r := gantiny(t, "version").want(t, exitDone); !strings.HasPrefix(r.stdout, "gantiny ") || !strings.Contains(r.stdout, "kernels ") {
		t.Errorf("version prints %q", r.stdout)
	}
	if r := gantiny(t, "completion", "bash").want(t, exitDone); !strings.Contains(r.stdout, "gantiny") {
		t.Error("completion prints no script")
	}
}

// TestDecimal: numbers are what they look like, as seq -w and date +%j write them.
func TestDecimal(t *testing.T) {
	t.Chdir(t.TempDir())
	small(t)
	want := drawJSON(t, smallFile, "-o", "a.png", "--seed", "10")
	for _, seed := range []string{"010", "0000010", "0xa"} {
		if got := drawJSON(t, smallFile, "-o", "a.png", "--seed", seed); got != want {
			t.Errorf("--seed %s draws other images than --seed 10", seed)
		}
	}
	gantiny(t, "generate", smallFile, "-n", "08", "--seed", "08", "--batch", "09", "--cols", "04", "--shard", "01/02").want(t, exitDone, "4 images")
	gantiny(t, "bench", smallFile, "--batch", "010", "--threads", "01", "--seconds", "0.001", "--json").want(t, exitDone)
}

// TestFullStdout: what is not written is an error, help too.
func TestFullStdout(t *testing.T) {
	for _, args := range []string{"--help", "", "help train", "generate --help", "--version", "version", "completion bash", "inspect", "__complete gen"} {
		var stderr bytes.Buffer
		if status := run(t.Context(), strings.Fields(args), failing{}, &stderr); status != exitFailed || stderr.Len() == 0 {
			t.Errorf("%q: exit status %d, %q", args, status, stderr.String())
		}
	}
}

func TestProfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cpu.prof")
	gantiny(t, "version", "--cpuprofile", path).want(t, exitDone)
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("no profile: %v", err)
	}
}

func TestInspect(t *testing.T) {
	var got struct {
		Parameters int
		MACs       int64
		PeakBytes  int64 `json:"peak_bytes"`
		Memory     []struct{ Batch, Threads, Bytes int64 }
		Training   struct{ Batch, Threads, Bytes int64 }
		Kernels    []string
		Layers     []struct{ Kind string }
	}
	t.Chdir(t.TempDir())
	if err := model.Generator(model.Config{}).Save("reference.safetensors", model.SaveOptions{Half: true}); err != nil {
		t.Fatal(err)
	}
	before := residentBytes(rootFS()) // with what the race detector and other tests take
	r := gantiny(t, "inspect", "reference.safetensors", "--json").want(t, exitDone)
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatalf("%v in %q", err, r.stdout)
	}
	// The reference generator's: 2.33 M parameters in 12 layers, 37.5 M multiply-adds that touch a
	// pixel.
	if got.Parameters != 2330944 || got.MACs != 37488192 || len(got.Layers) != 12 || got.Layers[0].Kind != "dense" {
		t.Errorf("got %+v", got)
	}
	if least := int64(4 * got.Parameters); got.PeakBytes < least || got.PeakBytes > before+least+64<<20 {
		t.Errorf("peak of %d bytes for weights of %d", got.PeakBytes, least)
	}
	if m := got.Memory; len(m) < 3 || m[0].Bytes != got.PeakBytes || m[0].Batch != 1 || m[2].Batch != 64 || m[2].Bytes <= m[0].Bytes {
		t.Errorf("memory %+v, at the peak %d", m, got.PeakBytes)
	}
	if got.Training.Batch != 256 || got.Training.Bytes < 100e6 || got.Training.Bytes > before+300e6+5e6*got.Training.Threads {
		t.Errorf("training takes %+v", got.Training)
	}
	if !slices.Equal(got.Kernels, kernelNames()) {
		t.Errorf("kernels %v, want %v", got.Kernels, kernelNames())
	}
	if r := gantiny(t, "inspect").want(t, exitDone); !strings.Contains(r.stdout, "embedding0") || !strings.Contains(r.stdout, "28x28x1") {
		t.Errorf("it prints %s", r.stdout)
	}
}

func TestBench(t *testing.T) {
	if testing.Short() {
		t.Skip("trains the full-size network")
	}
	type report struct {
		Batch, Threads int
		Kernel         string
		MedianMS       float64 `json:"median_ms"`
		Layers         []struct {
			Name  string
			MS    float64
			GOPS  float64
			Share float64 `json:"peak_share"`
		}
		Sums []struct {
			Name      string
			MS, Share float64
		}
	}
	for _, args := range []string{"bench --json --batch 1 --seconds 0.01 --threads 1", "bench --json --batch 1 --seconds 0.01 --threads 1 --train", "bench --json --batch 1 --seconds 0.01 --threads 1 --train --strict",
		"bench --json --batch 1 --seconds 0.01 --threads 1 --train tiny", "bench --json --batch 1 --seconds 0.01 --threads 1 --train classifier"} {
		r := gantiny(t, strings.Fields(args)...).want(t, exitDone)
		var got report
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatalf("%v in %q", err, r.stdout)
		}
		if got.Batch != 1 || got.Threads != 1 || got.Kernel == "" || got.MedianMS <= 0 {
			t.Errorf("%s: %+v", args, got)
		}
		busy := 0
		for _, l := range got.Layers {
			if l.GOPS > 0 && l.Share > 0 && l.MS > 0 {
				busy++
			}
		}
		if strings.Contains(args, "--train") {
			// Medians need not add up to the median step, but each layer is in one of the sums.
			sums := map[string]float64{}
			for _, s := range got.Sums {
				sums[s.Name] = s.MS
			}
			layers, whole := 0.0, 0.0
			for _, l := range got.Layers {
				layers += l.MS
			}
			for _, kind := range []string{bench.Products, bench.Elementwise, bench.Packing, bench.Others} {
				whole += sums[kind]
			}
			if len(sums) != 5 || sums[bench.Products] <= 0 || math.Abs(whole/layers-1) > 1e-9 || math.Abs((sums[bench.Products]+sums[bench.Rest])/got.MedianMS-1) > 1e-9 {
				t.Errorf("%s: sums %+v of a step of %g ms and layers of %g ms", args, got.Sums, got.MedianMS, layers)
			}
		} else if got.Sums != nil {
			t.Errorf("%s: sums %+v", args, got.Sums)
		}
		if busy < 4 {
			t.Errorf("%s: %d layers with multiply-adds a second, want 4 at least: %+v", args, busy, got.Layers)
		}
	}
}

// TestErrorText: each error says once who complains, and what to give instead.
func TestErrorText(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir("empty", 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"generate nosuch", 1, "gantiny generate: nosuch: file does not exist; a MODEL is a .safetensors, .onnx, .tflite or .pth file, or"},
		{"inspect empty", 1, "gantiny inspect: " + filepath.Join("empty", "generator.safetensors") + ": file does not exist"},
		{"train --out empty --resume", 2, "gantiny train: --resume: train: empty: no run to resume"},
		{"train --out r --data empty", 2, "gantiny train: --data: dataset: empty: no such data set"},
	} {
		if r := gantiny(t, strings.Fields(c.args)...); r.status != c.status || !strings.HasPrefix(r.stderr, c.says) {
			t.Errorf("%s: exit status %d and %q, want %d and %q", c.args, r.status, r.stderr, c.status, c.says)
		}
	}
	if r := gantiny(t, "--version").want(t, 0); r.stdout != "gantiny version "+version()+"\n" {
		t.Errorf("--version says %q", r.stdout)
	}
}
