package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gantiny/gantiny/internal/cputime"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/simd"
	"github.com/gantiny/gantiny/train"
)

type benchFlags struct {
	batch   int
	threads int
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

func newBench() *cobra.Command {
	f := &benchFlags{}
	cmd := &cobra.Command{
		Use:   "bench [MODEL]",
		Short: "How long each layer takes, and how near it comes to the machine's peak",
		Long: `bench draws batches of images, or trains, for a while and shows the median time of each layer, its multiply-adds a second (two operations
each, those alone that touch a pixel) and their share of the peak of the threads in use. The peak is the most that the same
kernels reach in registers and in the first-level cache; it is found again and again beside what it is the measure of, so that
a machine that slows down slows down both. On one thread times are the processor time that the thread has had, which leaves out
what other programs take; with several they are those of the clock. Minimal filtering makes fewer multiply-adds than are
counted. Of a training step the last lines say what all products take, and what all else does.

--suite pi is for small boards: the reference generator in floats and in bytes, one image and eight, on one thread and on all. It writes a
file with the times, the board, and its clock, temperature and throttling before and after, as far as the system tells them.`,
		Example: `  gantiny bench --batch 16 --threads 1
  gantiny bench --train
  gantiny bench --train --strict
  gantiny bench --suite pi --compare last-month.json`,
		Args:              atMostOneModel,
		ValidArgsFunction: completeModel,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return bench(cmd.Context(), f, args, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	fl := cmd.Flags()
	fl.SortFlags = false
	fl.IntVar(&f.batch, "batch", 16, "images of a Run; with --train, of a step (256 by default)")
	addThreadsFlag(cmd, &f.threads)
	addKernelFlag(cmd, &f.kernel)
	fl.BoolVar(&f.train, "train", false, "measure training steps of the reference network")
	fl.BoolVar(&f.strict, "strict", false, "with --train, direct sums only: no minimal filtering, which beats the peak in places")
	fl.BoolVar(&f.float, "float", false, "measure the model in floats where the file holds it in bytes too")
	fl.Float64Var(&f.seconds, "seconds", 2, "how long to measure at least")
	fl.StringVar(&f.suite, "suite", "", "measure a whole `SUITE`: pi")
	fl.StringVarP(&f.out, "out", "o", suiteFile, "the suite's result `FILE`, or - for standard output alone")
	fl.StringVar(&f.compare, "compare", "", "print the ratios to an `EARLIER.json` of the suite")
	if err := cmd.RegisterFlagCompletionFunc("suite", cobra.FixedCompletions([]string{suitePi}, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err)
	}
	fl.BoolVar(&f.json, "json", false, "print one JSON object: batch, threads, kernel, median_ms, layers")
	return cmd
}

// benchReport is what bench finds; its JSON names are a contract.
type benchReport struct {
	Model    string       `json:"model"`
	Train    bool         `json:"train"`
	Batch    int          `json:"batch"`
	Threads  int          `json:"threads"`
	Kernel   string       `json:"kernel"`
	MedianMS float64      `json:"median_ms"` // of one Run of the batch, or of one training step
	Runs     int          `json:"runs"`
	Images   float64      `json:"images_per_second"`
	PeakGOPS float64      `json:"peak_gops"` // of one thread, median
	Layers   []benchLayer `json:"layers"`
	Sums     []benchSum   `json:"sums,omitempty"` // of a training step
}

// benchSum is what the parts of one kind take together.
type benchSum struct {
	Name  string  `json:"name"`
	MS    float64 `json:"ms"`
	Share float64 `json:"share"` // of the step
}

type benchLayer struct {
	Name    string  `json:"name"`
	MS      float64 `json:"ms"`
	GOPS    float64 `json:"gops"`         // of the multiply-adds that touch a pixel
	Nominal float64 `json:"nominal_gops"` // padding counted too
	Share   float64 `json:"peak_share"`   // of the peak of all threads, of floats or of bytes as the model is
}

// measured collects the times of the parts of a run, over several runs, with the peak at that moment beside them. On one thread all times are
// the processor time that the thread has had, so that other work on the machine counts as little as can be.
type measured struct {
	parts []part
	total []float64 // seconds, a run each

	threads int
	peak    func() float64 // operations a second of all threads, at this moment
	clock   func() time.Duration
	mark    time.Duration // of the clock, when the last part ended
	aside   time.Duration // what finding the peak took of the run at hand
	peaks   []float64
	sampled time.Time // of the last of peaks
	waiting []stretch // measured since then
}

type part struct {
	name          string
	kind          string
	macs, nominal int64 // of one whole run

	now    float64 // seconds of the run at hand
	could  float64 // operations that the peak makes of them
	runs   []float64
	shares []float64 // of the peak, a run each
}

// stretch is a time that a part took.
type stretch struct {
	part    int
	seconds float64
}

// peakEvery is how old a peak may be that a part is held against. A shared machine changes its speed within a second.
const peakEvery = 5 * time.Millisecond

func newMeasured(k *simd.Kernels, threads int, int8 bool) *measured {
	m := &measured{threads: threads, peak: newPeakMeter(k, threads, int8).sample, clock: cputime.Thread}
	if threads > 1 {
		start := time.Now()
		m.clock = func() time.Duration { return time.Since(start) }
	}
	return m
}

// add counts a part that has just ended and took the wall time d.
func (m *measured) add(i int, d time.Duration) {
	// The clock has run for longer than the part if anything stood between it and the one before.
	d = min(d, m.clock()-m.mark)
	m.parts[i].now += d.Seconds()
	m.waiting = append(m.waiting, stretch{i, d.Seconds()})
	// Helpers would fall asleep while they wait for the peak: with several threads it is found between the runs alone.
	if m.threads == 1 && time.Since(m.sampled) > peakEvery {
		start := m.clock()
		m.sample()
		m.aside += m.clock() - start
	}
	m.mark = m.clock()
}

// sample finds the peak, and what it would have made of the parts that were measured since it was found last.
func (m *measured) sample() {
	m.peaks = append(m.peaks, m.peak())
	m.sampled = time.Now()
	between := (m.peaks[max(len(m.peaks)-2, 0)] + m.peaks[len(m.peaks)-1]) / 2
	for _, w := range m.waiting {
		m.parts[w.part].could += w.seconds * between
	}
	m.waiting = m.waiting[:0]
}

// repeat calls run until it has taken the time and been measured three times at least, after a first call that is not counted.
func (m *measured) repeat(ctx context.Context, seconds float64, run func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	m.sample()
	if err := run(); err != nil {
		return err
	}
	m.sample()
	for i := range m.parts {
		m.parts[i].now, m.parts[i].could = 0, 0
	}
	for begin := time.Now(); len(m.total) < 3 || time.Since(begin).Seconds() < seconds; {
		if err := ctx.Err(); err != nil {
			return err
		}
		m.aside = 0
		start := m.clock()
		m.mark = start
		if err := run(); err != nil {
			return err
		}
		m.total = append(m.total, (m.clock() - start - m.aside).Seconds())
		m.sample()
		for i := range m.parts {
			p := &m.parts[i]
			p.runs = append(p.runs, p.now)
			if p.could > 0 {
				p.shares = append(p.shares, 2*float64(p.macs)/p.could)
			}
			p.now, p.could = 0, 0
		}
	}
	return nil
}

func bench(ctx context.Context, f *benchFlags, args []string, stdout, stderr io.Writer) error {
	if err := f.checkSuite(args); err != nil {
		return err
	}
	if f.train && !f.set("batch") {
		f.batch = train.Default().Batch
	}
	switch {
	case f.batch < 1 || f.batch > 1<<20:
		return usagef("--batch %d: want 1 to %d", f.batch, 1<<20)
	case !(f.seconds > 0 && f.seconds < 1e6):
		return usagef("--seconds %g: want a positive number", f.seconds)
	case f.strict && !f.train:
		return usagef("--strict goes with --train")
	case f.train && len(args) > 0:
		return usagef("--train measures the reference network, not %s", args[0])
	}
	if err := checkThreads(f.threads); err != nil {
		return err
	}
	kernels, err := lookupKernels(f.kernel)
	if err != nil {
		return err
	}
	if f.suite != "" {
		return runSuite(ctx, f, kernels, stdout, stderr)
	}
	r := &benchReport{Train: f.train, Batch: f.batch, Threads: f.threads, Kernel: kernels.Name}
	var m *measured
	if f.train {
		r.Model = "reference"
		m, err = benchTrain(ctx, f, kernels)
	} else {
		m, err = benchRun(ctx, f, args, kernels, &r.Model)
	}
	if err != nil {
		return err
	}
	r.fill(m)
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	return r.print(stdout)
}

// benchRun measures Session.Run.
func benchRun(ctx context.Context, f *benchFlags, args []string, k *simd.Kernels, name *string) (*measured, error) {
	net, err := openModel(args, f.float)
	if err != nil {
		return nil, err
	}
	*name = net.name
	m := newMeasured(k, f.threads, net.int8 != nil)
	session, err := net.newSession(model.Options{Batch: f.batch, Threads: f.threads, Kernels: k,
		Observe: func(op int, _ string, d time.Duration) { m.add(op, d) }})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	for _, op := range session.Ops() {
		m.parts = append(m.parts, part{name: op.Name, macs: op.MACs * int64(f.batch), nominal: op.Nominal * int64(f.batch)})
	}
	z := make([]float32, f.batch*net.input().Len())
	x := make([]float32, f.batch*net.output().Len())
	if net.input().IsFlat() {
		model.Latents(z, net.input().Len(), 1, 0)
	}
	return m, m.repeat(ctx, f.seconds, func() error { return session.RunContext(ctx, x, z) })
}

// benchTrain measures whole training steps on noise.
func benchTrain(ctx context.Context, f *benchFlags, k *simd.Kernels) (*measured, error) {
	c := train.Default()
	c.Batch, c.Threads = f.batch, f.threads
	g, d := model.Generator(c.Model()), model.Discriminator(c.Model())
	m := newMeasured(k, f.threads, false)
	var t *train.Trainer
	type key struct {
		network string
		op      int
		stage   string
	}
	index := map[key]int{}
	observe := func(network string, op int, stage string, took time.Duration) {
		at := key{network, op, stage}
		i, ok := index[at]
		if !ok {
			i = len(m.parts)
			index[at] = i
			m.parts = append(m.parts, stagePart(t, network, op, stage, f.batch))
		}
		m.add(i, took)
	}
	t, err := train.New(c, g, d, train.Tuning{Kernels: k, Strict: f.strict, Observe: observe})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	reals := make([]float32, f.batch*g.Output().Len())
	noise := make([]float32, f.batch*g.Input().Len())
	model.Latents(reals, g.Output().Len(), 1, 0)
	model.Latents(noise, g.Input().Len(), 2, 0)
	return m, m.repeat(ctx, f.seconds, func() error {
		_, err := t.StepOn(reals, noise)
		return err
	})
}

// stagePart describes a stage of a network's pass. The discriminator sees reals and fakes in one pass; down to the pixels go
// only the fakes' gradients.
func stagePart(t *train.Trainer, network string, op int, stage string, batch int) part {
	ops, discriminator := t.Ops()
	images := int64(batch)
	if network == "discriminator" {
		ops = discriminator
		if op > 0 || stage != "input gradient" {
			images *= 2
		}
	}
	p := part{name: network + " " + ops[op].Name + " " + stage}
	switch stage {
	case "forward", "input gradient", "weight gradient":
		p.macs, p.nominal = ops[op].MACs*images, ops[op].Nominal*images
	}
	switch {
	case p.macs > 0:
		p.kind = products
	case stage == "pack":
		p.kind = packing
	default:
		p.kind = elementwise
	}
	return p
}

// The kinds of a training step's parts.
const (
	products    = "products of layers"
	elementwise = "element-wise"
	packing     = "packing"
	others      = "Adam, losses, data"
	rest        = "all but products"
)

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (r *benchReport) fill(m *measured) {
	total := median(m.total)
	r.PeakGOPS = median(m.peaks) / float64(r.Threads) / 1e9
	r.MedianMS, r.Runs, r.Images = total*1e3, len(m.total), float64(r.Batch)/total
	left := total
	kinds := map[string]float64{}
	for _, p := range m.parts {
		s := median(p.runs)
		left -= s
		kinds[p.kind] += s
		l := benchLayer{Name: p.name, MS: s * 1e3}
		if p.macs > 0 && s > 0 {
			l.GOPS, l.Nominal = 2*float64(p.macs)/s/1e9, 2*float64(p.nominal)/s/1e9
			l.Share = median(p.shares)
		}
		r.Layers = append(r.Layers, l)
	}
	left = max(left, 0)
	r.Layers = append(r.Layers, benchLayer{Name: "other", MS: left * 1e3})
	if !r.Train {
		return
	}
	kinds[others], kinds[rest] = left, total-kinds[products]
	for _, kind := range []string{products, elementwise, packing, others, rest} {
		r.Sums = append(r.Sums, benchSum{Name: kind, MS: kinds[kind] * 1e3, Share: kinds[kind] / total})
	}
}

func (r *benchReport) print(w io.Writer) error {
	what := fmt.Sprintf("%s, batch %d", r.Model, r.Batch)
	if r.Train {
		what = fmt.Sprintf("one training step, batch %d", r.Batch)
	}
	fmt.Fprintf(w, "%s, %s, kernels %s: %.3f ms, %.0f images/s (median of %d); peak %.1f GOP/s a thread\n\n",
		what, plural(r.Threads, "thread"), r.Kernel, r.MedianMS, r.Images, r.Runs, r.PeakGOPS)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "layer\tms\ttime\tGOP/s\tnominal\tof peak")
	for _, l := range r.Layers {
		fmt.Fprintf(t, "%s\t%.3f\t%.1f%%", l.Name, l.MS, 100*l.MS/r.MedianMS)
		if l.GOPS > 0 {
			fmt.Fprintf(t, "\t%.1f\t%.1f", l.GOPS, l.Nominal)
		}
		if l.Share > 0 {
			fmt.Fprintf(t, "\t%.0f%%", 100*l.Share)
		}
		fmt.Fprintln(t)
	}
	if len(r.Sums) > 0 {
		fmt.Fprintln(t)
	}
	for _, s := range r.Sums {
		fmt.Fprintf(t, "%s\t%.3f\t%.1f%%\n", s.Name, s.MS, 100*s.Share)
	}
	return t.Flush()
}
