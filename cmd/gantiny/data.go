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
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/image/colornames"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/train"
)

// dataFlags say how data are read, and are no settings of a run.
type dataFlags struct {
	noCache bool
	maxRAM  byteSize
}

func (f *dataFlags) bind(fl *pflag.FlagSet) {
	fl.BoolVar(&f.noCache, "no-cache", false, "read the pictures, and do not keep them converted for the next time")
	fl.Var(&f.maxRAM, "max-ram", "memory that reading the data may take, such as 512M; by default three quarters of what is free")
}

// bindData gives the settings of a run that say how its data are read their flags.
func bindData(fl *pflag.FlagSet, c *train.Config) {
	fl.StringVar(&c.Data, "data", c.Data, "a `DIR` of pictures, of folders of pictures or of IDX files (MNIST, Fashion-MNIST), or an IDX file; digits (10,000 of MNIST, built in); mnist or fashion (where they are installed)")
	fl.BoolVar(&c.SkipBad, "skip-bad", c.SkipBad, "leave out pictures that cannot be read, instead of stopping")
	fl.StringVar(&c.Background, "background", c.Background, "what transparent pictures lie on: a `COLOR` such as black or #ffcc00")
	fl.IntVar(&c.White, "white", c.White, "the value that is white in pictures of 16 bits a color; 0 finds out whether they use fewer bits")
	fl.StringVar(&c.Transpose, "transpose", c.Transpose, "exchange rows and columns of an IDX file's images: `auto`, yes or no; auto does so for files named emnist-*")
}

// dataOptions are the options of package dataset that the settings stand for.
func dataOptions(c train.Config) (o dataset.Options, err error) {
	o = dataset.Options{Size: c.Size, RGB: c.Channels == 3, White: c.White, SkipBad: c.SkipBad}
	if o.Background, err = parseColor(c.Background); err != nil {
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

// parseColor reads one of the names of SVG, or #rgb or #rrggbb. "" is white.
func parseColor(s string) (color.Color, error) {
	if s == "" {
		return color.White, nil
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
	o, err := dataOptions(c)
	if err != nil {
		return nil, err
	}
	show := &loading{w: stderr, name: c.Data, terminal: isTerminal(stderr), last: time.Now()}
	o.Note, o.Progress = show.note, show.progress
	o.Exclude = []string{out, filepath.Join(out, train.SamplesDir)}
	o.MaxRAM = f.maxRAM.n
	if dir, err := os.UserCacheDir(); err == nil && !f.noCache {
		o.CacheDir = filepath.Join(dir, "gantiny")
	}
	data, err := dataset.Load(ctx, c.Data, o)
	show.settle()
	switch {
	case err == nil:
		return data, nil
	case errors.Is(err, dataset.ErrNotFound) || errors.Is(err, dataset.ErrNotFile):
		return nil, usagef("--data: %w", err)
	case errors.Is(err, dataset.ErrPicture) && errors.Is(err, dataset.ErrMemory):
		return nil, fmt.Errorf("%w\n--skip-bad leaves them out; --max-ram allows more memory", err)
	case errors.Is(err, dataset.ErrPicture):
		return nil, fmt.Errorf("%w\n--skip-bad leaves them out", err)
	case errors.Is(err, dataset.ErrMemory):
		return nil, fmt.Errorf("%w; --max-ram allows more", err)
	}
	return nil, err
}

// loading shows how reading pictures goes on: one line redrawn in place on a terminal, else a plain line every so often.
type loading struct {
	w        io.Writer
	name     string // of the data
	terminal bool
	last     time.Time // of the last line
	drawn    bool      // a line without its newline stands on the terminal
}

func (l *loading) note(line string) {
	l.settle()
	fmt.Fprintf(l.w, "%s: %s\n", l.name, line)
}

func (l *loading) progress(done, total int) {
	every := plainEvery
	if l.terminal {
		every = liveEvery
	}
	if now := time.Now(); now.Sub(l.last) >= every {
		l.last = now
		if l.terminal {
			fmt.Fprintf(l.w, "\r%d of %s\x1b[K", done, plural(total, "picture"))
			l.drawn = true
			return
		}
		fmt.Fprintf(l.w, "%s: %d of %s\n", l.name, done, plural(total, "picture"))
	}
}

// settle takes the line that stands on the terminal away, so that others can follow.
func (l *loading) settle() {
	if l.drawn {
		fmt.Fprint(l.w, "\r\x1b[K")
		l.drawn = false
	}
}
