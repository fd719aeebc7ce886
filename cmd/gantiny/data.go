package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"image/color"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/image/colornames"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

// dataFlags say how data are read, and are no settings of a run.
type dataFlags struct {
	noCache bool
	maxRAM  byteSize
	run     string // whose settings name the data, where it goes on; "" for a flag or a file
}

func (f *dataFlags) bind(fl *cli.FlagSet) {
	fl.BoolVar(&f.noCache, "no-cache", false, "read the pictures, and do not keep them converted for the next time")
	fl.Var(&f.maxRAM, "max-ram", "memory that reading the data may take, such as 512M; by default three quarters of what is free")
}

// bindData gives the settings of a run that say how its data are read their flags.
func bindData(fl *cli.FlagSet, c *train.Config) {
	fl.StringVar(&c.Data, "data", c.Data, "a `DIR` of pictures, of folders of pictures or of IDX files (MNIST, Fashion-MNIST), or an IDX file; digits (10,000 of MNIST, built in); mnist or fashion (where they are installed)")
	fl.StringVar(&c.Labels, "labels", c.Labels, "labels of a folder's pictures, a CSV `FILE`: a picture's path and its label a line, perhaps after a header; by default labels.csv in the folder, or class folders")
	fl.BoolVar(&c.SkipBad, "skip-bad", c.SkipBad, "leave out pictures that cannot be read, instead of stopping")
	fl.StringVar(&c.Background, "background", c.Background, "lay transparent pictures on a `COLOR` such as black or #ffcc00; white by default for --channels 1 and 3, while 2 and 4 keep alpha without it")
	fl.IntVar(&c.White, "white", c.White, "the value that is white in pictures of 16 bits a color; 0 finds out whether they use fewer bits")
	fl.BoolVar(&c.Stack, "stack", c.Stack, "stacked pictures, each of three random ones, read in gray, as its red, green and blue; of mnist, that is Stacked MNIST with its 1,000 modes")
	fl.StringVar(&c.Transpose, "transpose", c.Transpose, "exchange rows and columns of an IDX file's images (`WHEN`: auto, yes, no); auto does so for files named emnist-*")
}

// dataOptions are the options of package dataset that the settings stand for.
func dataOptions(c train.Config) (o dataset.Options, err error) {
	o = dataset.Options{
		Size: c.Size, Channels: c.Channels, White: c.White, SkipBad: c.SkipBad, Labels: c.Labels, NeedLabels: c.Conditional || c.Task == taskClassify,
	}
	if c.Stack {
		o.Channels = 1
	}
	if o.Background, err = parseBackground(c.Background); err != nil {
		return o, usagef("--background %s: %w", c.Background, err)
	}
	choices := map[string]dataset.Choice{"": dataset.Auto, "auto": dataset.Auto, "yes": dataset.Yes, "no": dataset.No}
	choice, ok := choices[strings.ToLower(c.Transpose)]
	if !ok {
		return o, usagef("--transpose %s: want auto, yes or no", c.Transpose)
	}
	o.Transpose = choice
	if c.White < 0 || c.White > 0xffff {
		return o, usagef("--white %d: want 1 to 65535, or 0", c.White)
	}
	return o, nil
}

// parseBackground reads one of the names of SVG, or #rgb or #rrggbb. "" is none.
func parseBackground(s string) (color.Color, error) {
	if s == "" {
		return nil, nil
	}
	if c, ok := colornames.Map[strings.ToLower(s)]; ok {
		return c, nil
	}
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	p, err := hex.DecodeString(digits)
	if !ok || err != nil || len(p) != 3 {
		return nil, errors.New("no color: want a name such as black, or #rrggbb")
	}
	return color.RGBA{p[0], p[1], p[2], 0xff}, nil
}

// load reads the data of a run that writes to the folder out, and says on stderr how it goes.
func (f *dataFlags) load(ctx context.Context, c train.Config, out string, stderr io.Writer) (*dataset.Dataset, error) {
	return f.loadSplit(ctx, c, dataset.Train, out, stderr)
}

// loadOthers reads the test pictures; nil if there are none that are not the training pictures.
func (f *dataFlags) loadOthers(ctx context.Context, c train.Config, training *dataset.Dataset, out string, stderr io.Writer) (*dataset.Dataset, error) {
	test, err := f.loadSplit(ctx, c, dataset.Test, out, stderr)
	if errors.Is(err, dataset.ErrNotFound) || err == nil && test.SHA256 == training.SHA256 {
		return nil, nil
	}
	if err == nil {
		err = test.TakeClasses(training)
	}
	return test, err
}

// checkLabels returns an error if path is none of a file of labels. "" is none that is needed.
func checkLabels(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a folder, want a CSV file", path)
	}
	return nil
}

// named is an error of what a setting names: of its flag's value or, where a run that goes on has
// kept it, of that run's.
func (f *dataFlags) named(flag string, err error) error {
	if f.run == "" {
		return usagef("--%s: %w", flag, err)
	}
	return fmt.Errorf("what %s was trained on: %w; if it is elsewhere now, --%s says where", display.Quote(f.run), err, flag)
}

// loadSplit is load of a part of the data.
func (f *dataFlags) loadSplit(ctx context.Context, c train.Config, split dataset.Split, out string, stderr io.Writer) (*dataset.Dataset, error) {
	o, err := dataOptions(c)
	if err != nil {
		return nil, err
	}
	if o.Split = split; split == dataset.Test { // which has a file of labels in its own folder, and can do without
		o.Labels, o.NeedLabels = "", false
	}
	if err := checkLabels(o.Labels); err != nil {
		return nil, f.named("labels", err)
	}
	bar := display.NewBriefProgress(stderr)
	o.Note = func(line string) { bar.Log("%s: %s", c.Data, line) }
	o.Progress = func(done, total int) {
		bar.Show(display.State{Part: c.Data, Done: done, Of: total, Unit: "picture", Facts: []string{fmt.Sprintf("%d of %s", done, display.Plural(total, "picture"))}})
	}
	if out != "" {
		o.Exclude = []string{out, filepath.Join(out, train.SamplesDir)}
	}
	o.MaxRAM = f.maxRAM.n
	if dir, err := os.UserCacheDir(); err == nil && !f.noCache {
		o.CacheDir = filepath.Join(dir, "gantiny")
	}
	data, err := dataset.Load(ctx, c.Data, o)
	bar.Settle()
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, dataset.ErrNotFound) || errors.Is(err, dataset.ErrNotFile):
		return nil, f.named("data", err)
	case errors.Is(err, dataset.ErrCSV) && o.Labels != "":
		return nil, f.named("labels", err)
	case errors.Is(err, dataset.ErrCSV):
		return nil, f.named("data", err)
	case errors.Is(err, dataset.ErrPicture) && errors.Is(err, dataset.ErrMemory):
		return nil, fmt.Errorf("%w\n--skip-bad leaves them out; --max-ram allows more memory", err)
	case errors.Is(err, dataset.ErrPicture):
		return nil, fmt.Errorf("%w\n--skip-bad leaves them out", err)
	case errors.Is(err, dataset.ErrMemory):
		return nil, fmt.Errorf("%w; --max-ram allows more", err)
	}
	return nil, err
}
