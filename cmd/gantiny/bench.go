package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/bench"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/train"
)

type benchFlags struct {
	batch   int
	threads threadCount
	kernel  string
	train   bool
	seconds float64
	float   bool
	strict  bool
	suite   string
	out     string
	compare string
	json    bool
	set     func(name string) bool
}

func newBench() *cli.Command {
	f := &benchFlags{}
	cmd := &cli.Command{
		Name:  "bench",
		Args:  "[MODEL]",
		Short: "How long each layer takes, and how near it comes to the machine's peak",
		Long: `bench draws batches of images, or trains, for a while and shows the median time of each layer, its multiply-adds a second (two operations
each, those alone that touch a pixel) and their share of the peak of the threads in use. The peak is the most that the same
kernels reach in registers and in the first-level cache; it is found again and again beside what it is the measure of, so that
a machine that slows down slows down both. On one thread times are the processor time that the thread has had, which leaves out
what other programs take; with several they are those of the clock. Winograd's algorithm makes fewer multiply-adds than
are counted; the last column says which layers are computed by it.

--train takes the name of a recipe or the directory of a run in place of MODEL, and trains such networks by its settings, on noise and with ten
classes if they know any. The last lines say what all products take, and what all else does. With gradient penalties, which come at every so many steps, times
are means of as many; of the penalties' own passes the time is counted, but no multiply-adds.

--suite pi is for small boards: the reference generator in floats and in bytes, one image and eight, on one thread and on all. Its times
are all those of the clock. It writes a file with them, the board, and its clock, temperature and throttling before and after, as far
as the system tells them.`,
		Example: `  gantiny bench --batch 16 --threads 1
  gantiny bench --train
  gantiny bench --train --strict
  gantiny bench --train conditional --threads 1
  gantiny bench --suite pi --compare last-month.json`,
		Check:    atMostOneModel,
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return runBench(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.IntVar(&f.batch, "batch", 16, "images of a Run; with --train, of a step (by default as the settings say)")
	addThreadsFlag(fl, &f.threads)
	addKernelFlag(fl, &f.kernel)
	fl.BoolVar(&f.train, "train", false, "measure training steps: of a recipe or run, or of the reference network")
	fl.BoolVar(&f.strict, "strict", false, "with --train, direct sums only: not by Winograd's algorithm, which beats the peak in places")
	fl.BoolVar(&f.float, "float", false, "measure the model in floats where the file holds it in bytes too")
	fl.Float64Var(&f.seconds, "seconds", 2, "how long to measure at least")
	fl.StringVar(&f.suite, "suite", "", "measure a whole `SUITE`: pi").Complete = func() cli.Candidates { return cli.Fixed(bench.SuitePi) }
	fl.StringVar(&f.out, "out", suiteFile, "the suite's result `FILE`, or - for standard output alone").Letter = 'o'
	fl.StringVar(&f.compare, "compare", "", "print the ratios to an `EARLIER.json` of the suite")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: batch, threads, kernel, median_ms, layers")
	return cmd
}

func runBench(ctx context.Context, f *benchFlags, args []string, stdout, stderr io.Writer) error {
	if err := f.checkSuite(args); err != nil {
		return err
	}
	var training train.Config
	if f.train {
		var err error
		if training, err = trainingOf(args); err != nil {
			return err
		}
		if !f.set("batch") {
			f.batch = training.Batch
		}
	}
	switch {
	case f.batch < 1 || f.batch > 1<<20:
		return usagef("--batch %d: want 1 to %d", f.batch, 1<<20)
	case !(f.seconds > 0 && f.seconds < 1e6):
		return usagef("--seconds %g: want a positive number", f.seconds)
	case f.strict && !f.train:
		return usagef("--strict goes with --train")
	}
	threads, err := f.threads.number()
	if err != nil {
		return err
	}
	kernels, err := lookupKernels(f.kernel)
	if err != nil {
		return err
	}
	if f.suite != "" {
		return runSuite(ctx, f, kernels, stdout, stderr)
	}
	o := bench.Options{Batch: f.batch, Threads: threads, Kernels: kernels, Seconds: f.seconds, Strict: f.strict}
	r, err := f.measure(ctx, args, training, o)
	if err != nil {
		return err
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	return r.Print(stdout)
}

// trainingOf returns the settings of the recipe or of the run's directory that the arguments name,
// or of the reference.
func trainingOf(args []string) (train.Config, error) {
	c := train.Default()
	if len(args) == 0 {
		return c, nil
	}
	if info, err := os.Stat(args[0]); err == nil && info.IsDir() {
		return train.Saved(args[0])
	}
	text, err := train.Recipe(args[0])
	if err != nil {
		return c, usagef("--train %s: neither the directory of a run nor a recipe (%s)", args[0], strings.Join(train.Recipes(), ", "))
	}
	return c, c.Decode(text)
}

// measure measures training or the model that the arguments name.
func (f *benchFlags) measure(ctx context.Context, args []string, training train.Config, o bench.Options) (*bench.Report, error) {
	if f.train {
		name := "reference"
		if len(args) > 0 {
			name = args[0]
		}
		return bench.TrainingStep(ctx, name, training, o)
	}
	n, err := openNamed(ctx, args, f.float)
	if err != nil {
		return nil, err
	}
	if o.Batch, err = batchOf(o.Batch, n.Input().Len()+n.Output().Len(), f.set("batch")); err != nil {
		return nil, err
	}
	return bench.Run(ctx, bench.Of(n.name, n.Model), o)
}
