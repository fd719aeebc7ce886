// Command sizes makes a table of generators with numbers of several sizes: parameters,
// multiply-adds, bytes of the file, how good the pictures are, and the time of one.
//
//	go run ./benchmarks/sizes                                        (the models in this repository)
//	go run ./benchmarks/sizes --models zoo/tiny/float.safetensors --bits 32,8,4 --finetune 300 -n 2000
//	go run ./benchmarks/sizes --models run1/generator.safetensors --data mnist --json
//
// 32 and 16 bits are floats, of which 16 are those of the file; below, values have 8 bits and
// weights as many as the table says, see quant.Options.WeightBits, --finetune is that of gantiny
// quantize, and the pictures are those of the integers.
//
// The figures are those of gantiny eval, beside the Frechet distance of test pictures, the floor.
// PSNR is that of the pixels against those of 32 bits. Times are the least processor time of one
// picture on one thread.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/benchmarks/internal/cli"
	"github.com/gantiny/gantiny/eval"
)

func main() { cli.Main("sizes", run) }

// options are what the flags say.
type options struct {
	models   []string
	bits     []int
	data     string
	n        int
	calib    int // latents
	finetune int
	threads  int
	runs     int // of a picture, to find the least time
}

// repositoryModels are the default of --models.
const repositoryModels = "zoo/digits/float.safetensors,zoo/tiny/float.safetensors,zoo/fashion/float.safetensors,model/pretrained/float/generator.safetensors"

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o := options{runs: 200}
	f := flag.NewFlagSet("sizes", flag.ContinueOnError)
	f.SetOutput(log)
	models := f.String("models", repositoryModels, "`FILES` of generators in floats, by comma")
	bits := f.String("bits", "32,16,8,7,4", "sizes of numbers, by comma: 32, 16, 8, 7 or 4")
	f.StringVar(&o.data, "data", "", "what to compare pictures with: digits, mnist, fashion or their DIR (default: what the model was trained on, and where that is not installed the digits inside this program for MNIST)")
	f.IntVar(&o.n, "n", 10000, "pictures to draw and to compare with; fewer where the data have fewer")
	f.IntVar(&o.calib, "calib", 1024, "latents to calibrate with, below 16 bits")
	f.IntVar(&o.finetune, "finetune", 0, "train weights of 8 bits and less for `STEPS` before they are rounded")
	f.IntVar(&o.threads, "threads", 0, "threads, of all but the times (default: one a processor)")
	asJSON := f.Bool("json", false, "print one JSON object, no table")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return cli.ErrUsage
	}
	if err := o.set(*models, *bits, f.Args()); err != nil {
		fmt.Fprintln(log, "sizes:", err)
		return cli.ErrUsage
	}
	t, err := measure(ctx, o, log)
	if err != nil {
		return err
	}
	if *asJSON {
		return cli.JSON(out, t)
	}
	return t.markdown(out)
}

// set reads the lists among the options, and returns an error if an option is not what it can be.
func (o *options) set(models, bits string, rest []string) error {
	for s := range strings.SplitSeq(bits, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || !slices.Contains([]int{32, 16, 8, 7, 4}, n) {
			return fmt.Errorf("--bits %s: want 32, 16, 8, 7 or 4, by comma", bits)
		}
		o.bits = append(o.bits, n)
	}
	o.models = strings.Split(models, ",")
	switch {
	case len(rest) > 0:
		return fmt.Errorf("%s: models are named by --models", rest[0])
	case slices.Contains(o.models, ""):
		return fmt.Errorf("--models %q: want names of files, by comma", models)
	case o.n < eval.LeastPictures || o.n > 1<<20:
		return fmt.Errorf("-n %d: want %d to %d", o.n, eval.LeastPictures, 1<<20)
	case o.calib < 1 || o.calib > 1<<20:
		return fmt.Errorf("--calib %d: want 1 to %d", o.calib, 1<<20)
	case o.finetune < 0 || o.finetune > 1<<20:
		return fmt.Errorf("--finetune %d: want 0, for none, to %d", o.finetune, 1<<20)
	case o.threads < 0 || o.threads > 1<<10:
		return fmt.Errorf("--threads %d: want 1 to %d, or 0", o.threads, 1<<10)
	}
	return nil
}
