package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/train"
)

// layer is settings that come from one place, over those of the layers below it.
type layer struct {
	from  string       // the flag that names the place, "" for flags themselves
	names []string     // of the settings in it
	after train.Config // with this layer and those below
}

// resolve finds the settings of the run: the defaults or, when it is resumed, those that it was
// started with; over them the recipe; over it the file; over it the flags.
func (f *trainFlags) resolve(ctx context.Context, stderr io.Writer) (train.Config, error) {
	c := train.Default()
	if f.out == "" {
		return c, usagef("--out is missing: the directory of the run")
	}
	if err := checkFolder("--out", f.out); err != nil {
		return c, err
	}
	if f.resume {
		var err error
		if c, err = train.Saved(f.out); err != nil {
			if errors.Is(err, train.ErrNoRun) {
				return c, usagef("--resume: %w", err)
			}
			return c, err
		}
	}
	base := c
	layers, err := f.layers(ctx, &c)
	if err != nil {
		return c, err
	}
	if f.resume {
		if err := f.keepFiles(&c, base); err != nil {
			return c, err
		}
		if c.Data == base.Data && c.Labels == base.Labels {
			f.data.run = f.out
		}
	} else if err := f.readGraphs(ctx, &c); err != nil {
		return c, err
	}
	if c.Data == "" {
		return c, usagef("--data is missing: digits, mnist, a directory of images or an IDX file")
	}
	if _, err := threadCount(c.Threads).number(); err != nil && c.Threads != base.Threads {
		return c, err
	}
	if err := c.Validate(); err != nil {
		if f.resume && base.Validate() != nil { // settings that no flag has given
			return c, fmt.Errorf("%s: %w", display.Quote(f.out), err)
		}
		return c, &cli.UsageError{Err: err}
	}
	return c, f.checkNeeds(layers, c, base, stderr)
}

// layers puts the settings of the recipe, the file and the flags over those of c.
func (f *trainFlags) layers(ctx context.Context, c *train.Config) (list []layer, err error) {
	decode := func(from, text string) error {
		err := c.Decode(text)
		if err == nil {
			var names []string
			names, err = train.Keys(text)
			list = append(list, layer{from, names, *c})
		}
		if err != nil {
			return usagef("%s: %w", from, err)
		}
		return nil
	}
	if f.recipe != "" {
		text, err := train.Recipe(f.recipe)
		if err != nil {
			return nil, usagef("--recipe: %w", err)
		}
		if err := decode("--recipe "+f.recipe, text); err != nil {
			return nil, err
		}
	}
	if f.config != "" {
		text, err := unlessStopped(ctx, func() ([]byte, error) { return os.ReadFile(f.config) })
		if err != nil {
			return nil, err
		}
		if err := decode("--config "+f.config, string(text)); err != nil {
			return nil, err
		}
	}
	settings := &cli.FlagSet{}
	bindSettings(settings, c)
	var names []string
	f.given.Visit(func(given *cli.Flag) {
		if settings.Lookup(given.Name) != nil {
			names = append(names, strings.ReplaceAll(given.Name, "-", "_"))
			err = errors.Join(err, settings.Set(given.Name, given.Value.String()))
		}
	})
	return append(list, layer{"", names, *c}), err
}

// checkNeeds refuses a setting that counts for nothing, since none that it belongs to is set in its
// layer, one below it or, in c, one above it. One that a layer above turned off is no mistake; nor
// is what a recipe waits for, of which there is a note, or what a run that is resumed has in its
// base alike.
func (f *trainFlags) checkNeeds(layers []layer, c, base train.Config, stderr io.Writer) error {
	now, was := settingValues(c), settingValues(base)
	for i, l := range layers {
		for _, name := range l.names {
			lacks := c.Lacks(name)
			if lacks == "" || l.after.Lacks(name) == "" || f.resume && now(name) == was(name) {
				continue
			}
			above := slices.ContainsFunc(layers[i+1:], func(l layer) bool { return slices.Contains(l.names, name) })
			switch {
			case above: // where it is looked at again
			case l.from == "":
				return usagef("--%s counts for nothing without %s", flagName(name), lacks)
			case f.recipe != "" && i == 0:
				fmt.Fprintf(stderr, "note: %s: %s counts for nothing without %s\n", l.from, name, lacks)
			default:
				return usagef("%s: %s counts for nothing without %s", l.from, name, lacks)
			}
		}
	}
	return nil
}

func flagName(setting string) string { return strings.ReplaceAll(setting, "_", "-") }

// settingValues returns what tells the value of a setting of c.
func settingValues(c train.Config) func(name string) string {
	settings := &cli.FlagSet{}
	bindSettings(settings, &c)
	return func(name string) string { return settings.Lookup(flagName(name)).Value.String() }
}

// keepFiles has a run that is resumed keep the teacher and the graph files that it has: others are
// refused, the same by another path is the same.
func (f *trainFlags) keepFiles(c *train.Config, base train.Config) error {
	for _, x := range []struct {
		name     string
		now, was *string
	}{{"teacher", &c.Teacher, &base.Teacher}, {"generator", &c.Generator, &base.Generator}, {"discriminator", &c.Discriminator, &base.Discriminator}} {
		if f.given.Changed(x.name) {
			return usagef("--%s: a run that is resumed keeps the one it has", x.name)
		}
		if *x.now == *x.was {
			continue
		}
		now, err := lasting(*x.now)
		if err != nil {
			return err
		}
		if was, err := lasting(*x.was); err != nil || now == "" || was != now {
			return usagef("--config %s: %s is %q, and a run that is resumed keeps the one it has, %q", f.config, x.name, *x.now, *x.was)
		}
		*x.now = *x.was
	}
	return nil
}
