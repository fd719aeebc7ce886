package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/bench"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

type quantizeFlags struct {
	out    string
	calib  int
	seed   uint64
	judge  int
	both   bool
	report string
	kernel string
	json   bool

	weightBits int
	finetune   int
	classifier string
	threads    threadCount
}

func newQuantize() *cli.Command {
	f := &quantizeFlags{}
	cmd := &cli.Command{
		Name:  "quantize",
		Args:  "MODEL -o OUT.safetensors",
		Short: "Turns a generator into one in 8-bit integers",
		Long: `quantize turns a trained generator, a file or the directory of a run, into one in 8-bit integers: a quarter of the size, and the
same bytes in every picture on every machine. It needs no data: it calibrates with latents that no picture is drawn from.

Then it draws pictures with both and says how far apart they are. With --finetune it trains the weights before they are
rounded, for pictures nearer to those of the floats.`,
		Example: `  gantiny quantize run1 -o small.safetensors --report report
  gantiny quantize run1 -o small.safetensors --finetune 1000`,
		Check: func(args []string) error {
			if len(args) == 0 {
				return usagef("which MODEL?")
			}
			return atMostOneModel(args)
		},
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return runQuantize(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.out, "out", "", "the `FILE` to write").Letter = 'o'
	fl.IntVar(&f.calib, "calib", 1024, "latents to calibrate with")
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the latents to calibrate and fine-tune with")
	fl.IntVar(&f.weightBits, "weight-bits", 8, "bits of weights: 8; 4, for files of little more than half the size; or 7")
	fl.IntVar(&f.finetune, "finetune", 0, "train the weights for `STEPS`, so that rounded they draw what the floats draw")
	fl.StringVar(&f.classifier, "classifier", "", "compare features of this network too in --finetune: a `MODEL` that 'gantiny train --task classify' made; for MNIST and Fashion-MNIST one is inside this program")
	addThreadsFlag(fl, &f.threads)
	fl.IntVar(&f.judge, "judge", 1000, "images to compare")
	fl.BoolVar(&f.both, "both", false, "keep the model in floats in the same file")
	fl.StringVar(&f.report, "report", "", "write index.html and report.json to the folder `DIR`")
	addKernelFlag(fl, &f.kernel)
	fl.BoolVar(&f.json, "json", false, "print what report.json holds")
	return cmd
}

// quantizeReport is what quantize finds; its JSON names are a contract.
type quantizeReport struct {
	Model      string `json:"model"`
	Out        string `json:"out"`
	Kernel     string `json:"kernel"`
	Platform   string `json:"platform"`
	Version    string `json:"version"`
	FloatBytes int64  `json:"float_bytes"` // of the model in floats, as a file
	Int8Bytes  int64  `json:"int8_bytes"`
	WeightBits int    `json:"weight_bits"`
	comparison
	Speed       []speed      `json:"speed"`
	Calibration quant.Report `json:"calibration"`
	FineTuning  *fineTuning  `json:"finetuning,omitempty"` // nil without

	grids grids
}

// comparison is how far the pixels of the two forms are apart, in levels of 255.
type comparison struct {
	Images  int     `json:"images"`
	PSNR    float64 `json:"psnr_db"`
	Largest int     `json:"largest_pixel_error"`
	Mean    float64 `json:"mean_pixel_error"`
	Same    float64 `json:"same_pixels"` // share
	SHA256  string  `json:"pixels_sha256"`
}

// speed is the median time of a picture on one thread.
type speed struct {
	Batch   int     `json:"batch"`
	FloatMS float64 `json:"float_ms"`
	Int8MS  float64 `json:"int8_ms"`
}

func (f *quantizeFlags) check() error {
	switch {
	case f.out == "":
		return usagef("-o: which file to write?")
	case f.calib < 1 || f.calib > 1<<20:
		return usagef("--calib %d: want 1 to %d", f.calib, 1<<20)
	case f.judge < 1 || f.judge > 1<<20:
		return usagef("--judge %d: want 1 to %d", f.judge, 1<<20)
	case f.weightBits == 0 || quant.CheckWeightBits(f.weightBits) != nil:
		return usagef("--weight-bits %d: want 8, 7 or 4", f.weightBits)
	case f.finetune < 0 || f.finetune > 1<<20:
		return usagef("--finetune %d: want 0, for none, to %d", f.finetune, 1<<20)
	case f.classifier != "" && f.finetune == 0:
		return usagef("--classifier counts for --finetune alone")
	}
	if err := checkModelFile("-o", f.out); err != nil {
		return err
	}
	_, err := f.threads.number()
	return err
}

// checkOutputs says before the work what cannot be written.
func (f *quantizeFlags) checkOutputs(input string) error {
	if err := checkNotInput("-o", f.out, input); err != nil {
		return err
	}
	if err := checkFile("-o", f.out); err != nil || f.report == "" {
		return err
	}
	return checkFolder("--report", f.report)
}

func runQuantize(ctx context.Context, f *quantizeFlags, args []string, stdout, stderr io.Writer) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := f.checkOutputs(modelPath(args[0])); err != nil {
		return err
	}
	kernels, err := lookupKernels(f.kernel)
	if err != nil {
		return err
	}
	n, err := openNamed(ctx, args, true)
	if err != nil {
		return err
	}
	q, r, err := f.quantize(ctx, n, kernels, stderr)
	if err != nil {
		return err
	}
	if err := f.write(q, n.Model, r); err != nil {
		return err
	}
	both := ""
	if f.both {
		both = "; the file holds both"
	}
	fmt.Fprintf(stderr, "%s: %d bytes, %d in floats%s\n", r.Out, r.Int8Bytes, r.FloatBytes, both)
	fmt.Fprintf(stderr, "%s: PSNR %.2f dB, pixels off by %.3f of 255 on average, %d at most\n", display.Plural(r.Images, "image"), r.PSNR, r.Mean, r.Largest)
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	return nil
}

// quantize makes the model in bytes, and finds out how far it is from n. Nothing is written.
func (f *quantizeFlags) quantize(ctx context.Context, n network, k *simd.Kernels, stderr io.Writer) (*model.Model, *quantizeReport, error) {
	shape, err := n.pictureShape()
	if err != nil {
		return nil, nil, err
	}
	if int64(f.judge)*int64(shape.Len()) > maxGridBytes {
		return nil, nil, usagef("--judge %d: want %d at most of images of this size", f.judge, maxGridBytes/shape.Len())
	}
	features, err := f.features(n)
	if err != nil {
		return nil, nil, err
	}
	o := quant.Options{WeightBits: f.weightBits, Images: f.calib, Seed: f.seed, Kernels: k, Log: func(s string) { fmt.Fprintln(stderr, s) }}
	q, calibration, err := n.Quantize(ctx, o)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", n.name, err)
	}
	r := &quantizeReport{
		Model: n.name, Out: f.out, Kernel: k.Name, Platform: runtime.GOOS + "/" + runtime.GOARCH, Version: version(),
		WeightBits: f.weightBits, Calibration: *calibration,
	}
	if err := r.finite(); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", n.name, err)
	}
	both := comparing{float: n, int8: network{f.out, q}, shape: shape, kernels: k}
	if err := both.compare(ctx, r, f.judge); err != nil {
		return nil, nil, err
	}
	if f.finetune > 0 {
		if q, err = f.tune(ctx, &both, features, r, o, stderr); err != nil {
			return nil, nil, fmt.Errorf("%s: --finetune: %w", n.name, err)
		}
	}
	if f.report != "" {
		err = both.time(ctx, r)
	}
	return q, r, err
}

// write writes the model, then the report, which is complete before.
func (f *quantizeFlags) write(q *model.Model, float *model.Model, r *quantizeReport) error {
	var size counter
	if err := float.Encode(&size, model.SaveOptions{}); err != nil {
		return err
	}
	r.FloatBytes, size = int64(size), 0
	if err := q.Encode(&size, model.SaveOptions{}); err != nil {
		return err
	}
	r.Int8Bytes = int64(size)
	first, o := q, model.SaveOptions{}
	if f.both {
		first, o.Int8 = float, q
	}
	var report map[string][]byte
	if f.report != "" {
		var err error
		if report, err = r.files(); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
	}
	if err := first.Save(f.out, o); err != nil || report == nil {
		return err
	}
	if err := atomicfile.MkdirAll(f.report); err != nil {
		return err
	}
	for name, content := range report {
		if err := atomicfile.WriteFile(filepath.Join(f.report, name), content); err != nil {
			return err
		}
	}
	return nil
}

// counter counts the bytes that are written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// comparing draws with both forms.
type comparing struct {
	float, int8 network
	shape       model.Shape
	kernels     *simd.Kernels
}

// sessions opens one of each form, on one thread.
func (c *comparing) sessions(batch int) (float, int8 *model.Session, err error) {
	o := model.Options{Batch: batch, Threads: 1, Kernels: c.kernels}
	if float, err = c.float.NewSession(o); err != nil {
		return nil, nil, err
	}
	if int8, err = c.int8.NewSession(o); err != nil {
		float.Close()
		return nil, nil, err
	}
	return float, int8, nil
}

// draw draws images from image first on, of each class by turns.
func (c *comparing) draw(ctx context.Context, s *model.Session, x []float32, pixels []uint8, z []float32, first int) error {
	dim, n := c.float.latents()
	d := drawing{classes: n, class: -1, latents: &latents{}}
	classes := make([]int32, len(z)/dim)
	d.fillClasses(classes, first)
	return s.RunFeed(ctx, c.float.feed(z, classes, x, pixels))
}

// compare draws the first n images of seed 1 with both.
func (c *comparing) compare(ctx context.Context, r *quantizeReport, n int) error {
	const batch = 16
	float, int8, err := c.sessions(batch)
	if err != nil {
		return err
	}
	defer float.Close()
	defer int8.Close()
	dim, _ := c.float.latents()
	size := c.shape.Len()
	a, b := make([]uint8, n*size), make([]uint8, n*size)
	z, x := make([]float32, batch*dim), make([]float32, batch*size)
	for i := 0; i < n; i += batch {
		k := min(batch, n-i)
		model.Latents(z[:k*dim], dim, 1, i)
		if err := c.draw(ctx, float, x[:k*size], a[i*size:][:k*size], z[:k*dim], i); err != nil {
			return err
		}
		if err := c.draw(ctx, int8, x[:k*size], b[i*size:][:k*size], z[:k*dim], i); err != nil {
			return err
		}
	}
	r.comparison = difference(seen(a, c.shape.C), seen(b, c.shape.C))
	r.Images, r.SHA256 = n, picture.PixelsSHA256(b)
	r.grids = grids{float: a, int8: b, shape: c.shape}
	return nil
}

// time measures both by turns.
func (c *comparing) time(ctx context.Context, r *quantizeReport) error {
	for _, batch := range []int{1, 16} {
		float, int8, err := c.sessions(batch)
		if err != nil {
			return err
		}
		defer float.Close()
		defer int8.Close()
		dim, _ := c.float.latents()
		z, x := make([]float32, batch*dim), make([]float32, batch*c.shape.Len())
		pixels := make([]uint8, len(x))
		model.Latents(z, dim, 1, 0)
		var took [2][]float64 // ms a picture
		for begin := time.Now(); len(took[0]) < 5 || time.Since(begin) < 500*time.Millisecond; {
			for i, s := range []*model.Session{float, int8} {
				start := time.Now()
				if err := c.draw(ctx, s, x, pixels, z, 0); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(start).Seconds()*1e3/float64(batch))
			}
		}
		r.Speed = append(r.Speed, speed{Batch: batch, FloatMS: bench.Median(took[0][1:]), Int8MS: bench.Median(took[1][1:])})
	}
	return nil
}
