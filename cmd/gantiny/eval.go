package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/eval"
	"github.com/gantiny/gantiny/eval/fashion"
	"github.com/gantiny/gantiny/eval/mnist"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

type evalFlags struct {
	settings   train.Config // of which those of the data count
	data       dataFlags
	n          int
	seed       uint64
	truncation float64
	classifier string
	nearest    int
	threads    threadCount
	kernel     string
	float      bool
	json       bool

	set func(name string) bool // whether the user gave the flag
}

func newEval() *cli.Command {
	f := &evalFlags{settings: train.Default()}
	cmd := &cli.Command{
		Name:  "eval",
		Args:  "[MODEL]",
		Short: "Measures how good a generator's pictures are",
		Long: `eval draws pictures with a generator and compares them with those that it was trained on, in the features of a classifier.
Each figure stands beside its floor, which test pictures come to that no generator has made, and with its spread.

With --stack, a generator of stacked pictures is measured: the classifier looks at each of the three channels by itself, and the modes are all combinations
of three classes, 1,000 of digits. Beside the other figures there is the Kullback-Leibler divergence of their frequencies from the data's.

Classifiers for MNIST and Fashion-MNIST are inside this program. For other data, train one: 'gantiny train --task classify'. Of data
without test pictures one half is compared with the other. A generator with classes is asked for them as often as they are in the data.`,
		Example: `  gantiny eval run1 --data mnist
  gantiny eval run1 --data icons --classifier icons-classes --json
  gantiny eval run2 --data mnist --stack`,
		Check:    atMostOneModel,
		Complete: completeModel,
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return runEval(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	bindData(fl, &f.settings)
	f.data.bind(fl)
	fl.IntVar(&f.n, "number", 10000, "pictures to draw, and training and test pictures to compare with; fewer by default where the data have fewer, 26000 with --stack").Letter = 'n'
	fl.Uint64Var(&f.seed, "seed", 1, "seed of the latents, of the choice among the data, and of the bootstrap")
	fl.Float64Var(&f.truncation, "truncation", 1, "multiply the latents by `T`")
	fl.StringVar(&f.classifier, "classifier", "", "the network whose features are compared: a `MODEL` that 'gantiny train --task classify' made")
	fl.IntVar(&f.nearest, "nearest", 1000, "pictures whose nearest training picture is searched for, 0 for none")
	addThreadsFlag(fl, &f.threads)
	addKernelFlag(fl, &f.kernel)
	fl.BoolVar(&f.float, "float", false, "draw with the model in floats where the file holds it in bytes too")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: n, frechet, kid, precision, recall, density, coverage, tv, modes, label_agreement, kl and more")
	return cmd
}

// evaluated is what eval --json prints; its names are a contract.
type evaluated struct {
	Model      string  `json:"model"`
	Form       string  `json:"form"`
	Data       string  `json:"data"`
	Classifier string  `json:"classifier"`
	Features   int     `json:"features"`
	Seed       uint64  `json:"seed"`
	Kernel     string  `json:"kernel"`
	Seconds    float64 `json:"seconds"`
	Stacked    bool    `json:"stacked"`
	*eval.Result
	Floor *eval.Result `json:"floor"` // the same of test pictures
}

func (f *evalFlags) check() error {
	switch {
	case f.n < eval.LeastPictures || f.n > 1<<20:
		return usagef("-n %d: want %d to %d", f.n, eval.LeastPictures, 1<<20)
	case f.nearest < 0:
		return usagef("--nearest %d: need at least 0", f.nearest)
	case !(f.truncation >= 0 && f.truncation <= 16):
		return usagef("--truncation %v: want 0 to 16", f.truncation)
	}
	if _, err := f.threads.number(); err != nil || !f.settings.Stack {
		return err
	}
	return f.checkStack()
}

// runEval measures a generator.
func runEval(ctx context.Context, f *evalFlags, args []string, stdout, stderr io.Writer) error {
	start := time.Now()
	if err := f.check(); err != nil {
		return err
	}
	kernels, err := lookupKernels(f.kernel)
	if err != nil {
		return err
	}
	m, err := openNamed(ctx, args, f.float)
	if err != nil {
		return err
	}
	shape, err := m.pictureShape()
	if err != nil {
		return err
	}
	if f.settings.Stack {
		if err := checkStackShape(m.name, shape); err != nil {
			return err
		}
	}
	threads, err := f.threads.number()
	if err != nil {
		return err
	}
	o := eval.Options{Seed: f.seed, Nearest: f.nearest, Threads: threads, Kernels: kernels}
	o.Stage = func(what string) { fmt.Fprintln(stderr, what) }
	r, c, name, err := f.reference(ctx, m, shape, o, stderr)
	if err != nil {
		return err
	}
	_, classes := m.latents()
	noteClasses(m.name, classes, c, stderr)
	o.Stage(fmt.Sprintf("drawing %d pictures", r.N()))
	pix, asked, err := drawFor(ctx, m, r, f.truncation, o)
	if err != nil {
		return err
	}
	result, err := r.Compare(ctx, pix, asked)
	if err != nil {
		return err
	}
	e := evaluated{
		Model: m.name, Form: m.form(), Data: f.settings.Data, Classifier: name, Features: c.Features(), Seed: f.seed, Kernel: kernels.Name,
		Seconds: time.Since(start).Seconds(), Stacked: f.settings.Stack, Result: result, Floor: r.Floor(),
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(e)
	}
	return e.write(stdout)
}

// reference reads the data and the classifier, whose name it returns too, and measures the training
// and the test pictures.
func (f *evalFlags) reference(ctx context.Context, m network, shape model.Shape, o eval.Options, stderr io.Writer) (*eval.Reference, *eval.Classifier, string, error) {
	training, test, err := f.load(ctx, m, stderr)
	if err != nil {
		return nil, nil, "", err
	}
	c, name, err := openClassifier("--classifier", f.classifier, f.settings.Data, training)
	if err != nil {
		return nil, nil, "", err
	}
	if f.settings.Stack {
		if c, training, test, err = f.stack(c, training, test, &o, stderr); err != nil {
			return nil, nil, "", err
		}
	}
	if c.Input() != shape {
		hint := ""
		if shape.C == dataset.StackImages && c.Input().C == 1 {
			hint = "; --stack is for those of three pictures as one"
		}
		return nil, nil, "", fmt.Errorf("%s draws pictures of %v, the classifier %s reads %v: train one for these, with gantiny train --task classify, and name it by --classifier%s",
			m.name, shape, name, c.Input(), hint)
	}
	n, err := f.pictures(training, test, stderr)
	if err != nil {
		return nil, nil, "", err
	}
	r, err := eval.NewReference(ctx, c, training, test, n, o)
	return r, c, name, err
}

// load reads the training pictures, as the generator draws them, and the test pictures, nil if
// there are none.
func (f *evalFlags) load(ctx context.Context, m network, stderr io.Writer) (training, test *dataset.Dataset, err error) {
	c, shape := &f.settings, m.Output()
	if c.Data == "" {
		c.Data = m.Provenance.Dataset // of a name that is known everywhere, or the user has to say
		if !isNamed(c.Data) {
			return nil, nil, usagef("--data is missing: digits, mnist, fashion, a directory of images or an IDX file")
		}
	}
	if c.Channels = shape.C; shape.H == shape.W {
		c.Size = shape.H
	} else {
		c.Size = 0
	}
	if training, err = f.data.load(ctx, *c, "", stderr); err != nil {
		return nil, nil, err
	}
	test, err = f.data.loadOthers(ctx, *c, training, "", stderr)
	return training, test, err
}

// pictures is how many pictures are drawn: as many as there are to compare with, at most.
func (f *evalFlags) pictures(training, test *dataset.Dataset, stderr io.Writer) (int, error) {
	most := eval.MostPictures(training, test)
	why := fmt.Sprintf("%s has %s, one half of which is compared with the other", f.settings.Data, display.Plural(training.N, "picture"))
	if test != nil {
		why = fmt.Sprintf("%s has %s to train with and %d to test with", f.settings.Data, display.Plural(training.N, "picture"), test.N)
	}
	switch {
	case most < eval.LeastPictures:
		return 0, fmt.Errorf("%s: too few to compare with, figures need %d", why, eval.LeastPictures)
	case f.n <= most:
		return f.n, nil
	case f.set("number"):
		return 0, usagef("-n %d: want %d at most, since %s", f.n, most, why)
	}
	fmt.Fprintf(stderr, "note: -n %d, since %s\n", most, why)
	return most, nil
}

// noteClasses says where what is drawn is not of the classes, 0 for none, that the classifier sees.
func noteClasses(name string, classes int, c *eval.Classifier, stderr io.Writer) {
	if classes > 0 && classes != c.Classes() {
		fmt.Fprintf(stderr, "note: %s draws %d classes, the classifier tells %d apart: no label_agreement\n", name, classes, c.Classes())
	}
}

// drawFor draws the pictures to compare with r, of the classes that the data have, as often; of a
// generator with other classes, of these in turn.
func drawFor(ctx context.Context, m network, r *eval.Reference, truncation float64, o eval.Options) (pix []uint8, asked []int32, err error) {
	n, size := r.N(), m.Output().Len()
	dim, classes := m.latents()
	labels := make([]int32, n)
	switch own := len(r.Floor().Classes); {
	case classes == own:
		asked = r.Asked(n)
		labels = asked
	case classes > 0:
		for i := range labels {
			labels[i] = int32(i % classes)
		}
	}
	const batch = 64
	s, err := m.NewSession(model.Options{Batch: batch, Threads: o.Threads, Kernels: o.Kernels, Winograd: true})
	if err != nil {
		return nil, nil, err
	}
	defer s.Close()
	pix, z := make([]uint8, n*size), make([]float32, batch*dim)
	for i := 0; i < n; i += batch {
		k := min(batch, n-i)
		model.Latents(z[:k*dim], dim, o.Seed, i)
		if truncation != 1 {
			for j := range z {
				z[j] *= float32(truncation)
			}
		}
		if err := s.RunFeed(ctx, m.feed(z[:k*dim], labels[i:i+k], nil, pix[i*size:][:k*size])); err != nil {
			return nil, nil, err
		}
	}
	return pix, asked, nil
}

// openClassifier opens the classifier at path, a file or the directory of a run, which a flag has
// named, or if path is "" the one inside this program for the data.
func openClassifier(flag, path, data string, training *dataset.Dataset) (*eval.Classifier, string, error) {
	if path == "" {
		return embeddedClassifier(flag, data, training)
	}
	if isDir(path) {
		path = filepath.Join(path, train.ClassifierFile)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, "", usagef("%s: %w", flag, err)
	}
	m, err := open(path, true)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", flag, err)
	}
	c, err := eval.NewClassifier(m)
	if err != nil {
		return nil, "", fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return c, path, nil
}

// embeddedClassifier returns the classifier inside this program for data of a known name, or for
// those that it was trained on under any other.
func embeddedClassifier(flag, data string, training *dataset.Dataset) (*eval.Classifier, string, error) {
	for _, known := range []struct {
		names []string
		open  func() (*eval.Classifier, error)
	}{{[]string{"mnist", "digits"}, mnist.Classifier}, {[]string{"fashion", "fashion-mnist"}, fashion.Classifier}} {
		c, err := known.open()
		if err != nil {
			return nil, "", err
		}
		if slices.Contains(known.names, data) || c.Provenance().DatasetSHA256 == training.SHA256 {
			return c, known.names[0], nil
		}
	}
	return nil, "", usagef("%s is missing: this program has none for %s; train one with gantiny train --task classify --data %s", flag, data, display.Quote(data))
}

// row is a figure beside its floor.
type row struct {
	name         string
	value, floor string
	note         string
}

// write writes a table.
func (e *evaluated) write(w io.Writer) error {
	fmt.Fprintf(w, "%s (%s): %d pictures against as many training pictures of %s, in %d features of the classifier %s\n\n",
		e.Model, e.Form, e.N, e.Data, e.Features, e.Classifier)
	table := []row{{"", "generator", "test pictures", ""}}
	add := func(name string, v, spread, floor, floorSpread float64, note string) {
		table = append(table, row{name, plusMinus(v, spread), plusMinus(floor, floorSpread), note})
	}
	f, s, fs := e.Floor, e.Spread, e.Floor.Spread
	add("Frechet distance", e.Frechet, s.Frechet, f.Frechet, fs.Frechet, fmt.Sprintf("%.3g times the floor", e.Frechet/f.Frechet))
	add("KID", e.KID, s.KID, f.KID, fs.KID, "about 0 is best")
	add("precision", e.Precision, s.Precision, f.Precision, fs.Precision, "pictures near training pictures")
	add("recall", e.Recall, s.Recall, f.Recall, fs.Recall, "training pictures near pictures")
	add("density", e.Density, s.Density, f.Density, fs.Density, "")
	add("coverage", e.Coverage, s.Coverage, f.Coverage, fs.Coverage, "training pictures with a picture nearby")
	add("class frequencies off by", e.TV, s.TV, f.TV, fs.TV, "total variation")
	table = append(table, row{"classes that appear", fmt.Sprint(e.Modes), fmt.Sprint(f.Modes), fmt.Sprintf("of %d", len(e.Classes))})
	if e.Stacked {
		table = append(table, e.stackRows()...)
	}
	agreement := row{"label agreement", "-", "-", ""}
	if e.LabelAgreement != nil {
		agreement.value = plusMinus(*e.LabelAgreement, *s.LabelAgreement)
	}
	if f.LabelAgreement != nil {
		agreement.floor, agreement.note = plusMinus(*f.LabelAgreement, *fs.LabelAgreement), "the floor is the classifier's accuracy"
	}
	table = append(table, agreement)
	add("classifier is sure of", e.Sure, s.Sure, f.Sure, fs.Sure, "share of pictures")
	if n, test := e.Nearest, e.Floor.Nearest; n != nil {
		table = append(table, row{"nearest training picture", "", "", fmt.Sprintf("of %s each", display.Plural(n.N, "picture"))})
		for _, x := range []struct {
			name    string
			d, test eval.Distances
		}{{"in features", n.Features, test.Features}, {"in pixels, of 255", n.Pixels, test.Pixels}} {
			table = append(table,
				row{"  " + x.name + ": median", fmt.Sprintf("%.3g", x.d.Median), fmt.Sprintf("%.3g", x.test.Median), ""},
				row{"  " + x.name + ": least", fmt.Sprintf("%.3g", x.d.Least), fmt.Sprintf("%.3g", x.test.Least), fmt.Sprintf("picture %d, training picture %d", x.d.Picture, x.d.Training)},
				row{"  " + x.name + ": closer", fmt.Sprintf("%.4f", x.d.Closer), fmt.Sprintf("%.4f", x.test.Closer), "share closer than 99 of 100 test pictures"})
		}
	}
	for _, r := range table {
		if _, err := fmt.Fprintf(w, "%-27s %-21s %-21s %s\n", r.name, r.value, r.floor, r.note); err != nil {
			return err
		}
	}
	return nil
}

// plusMinus writes a figure with its spread.
func plusMinus(v, spread float64) string {
	return fmt.Sprintf("%.4g +- %.2g", v, spread)
}
