package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/cli"
	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/latent"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/picture"
)

type projectFlags struct {
	model      string
	out        string
	preview    string
	class      string
	background string
	invert     bool
	seed       uint64
	threads    threadCount
	float      bool
	json       bool
}

func newProject() *cli.Command {
	f := &projectFlags{}
	cmd := &cli.Command{
		Name:  "project",
		Args:  "PICTURE...",
		Short: "Finds the latents whose pictures are nearest to given ones",
		Long: `project searches the latents of a generator for those whose picture comes closest to each PICTURE, by least squares of the
pixels, and writes them as rows of a .npy file, for 'gantiny generate --latents'. Of a generator with classes it tries all, and prints the one it found.

A PICTURE is turned upright, cropped to the centered square and resized to what the generator draws.`,
		Example: `  gantiny project seven.png --invert --preview pair.png
  gantiny generate --latents latents.npy --class 7 --interpolate 15 -o walk.gif`,
		Check: func(args []string) error {
			if len(args) == 0 {
				return usagef("needs a PICTURE at least")
			}
			return nil
		},
		Run: func(ctx context.Context, cmd *cli.Command, args []string) error {
			return project(ctx, f, args, cmd.Stdout(), cmd.Stderr())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "generator: a `MODEL` as generate takes it; by default the one inside this program")
	fl.StringVar(&f.out, "out", "latents.npy", "`FILE` for the latents, float32 (pictures, latent)").Letter = 'o'
	fl.StringVar(&f.preview, "preview", "", "write a `FILE`.png of pairs: a picture, and what the generator draws")
	fl.StringVar(&f.class, "class", "", "class of the pictures, a number or a name, of models with classes; without it all are tried")
	fl.StringVar(&f.background, "background", "", "lay transparent pictures on a `COLOR` such as black or #ffcc00; white by default, unless the generator draws alpha")
	fl.BoolVar(&f.invert, "invert", false, "exchange black and white first: MNIST's digits are white on black")
	fl.Uint64Var(&f.seed, "seed", 1, "of the latents that the search begins with")
	addThreadsFlag(fl, &f.threads)
	fl.BoolVar(&f.float, "float", false, "use the model in floats where the file holds it in bytes too")
	fl.BoolVar(&f.json, "json", false, "print one JSON object: out, pictures [{picture, class, distance}]")
	return cmd
}

// projected is what project --json prints of a picture.
type projected struct {
	Picture  string  `json:"picture"`
	Class    *int    `json:"class"`    // null without classes
	Distance float64 `json:"distance"` // root of the mean squared difference of a value, of 255
}

// project finds all pictures and writes what it found.
func project(ctx context.Context, f *projectFlags, paths []string, stdout, stderr io.Writer) error {
	if err := f.check(paths); err != nil {
		return err
	}
	var args []string
	if f.model != "" {
		args = []string{f.model}
	}
	m, err := openNamed(ctx, args, f.float)
	if err != nil {
		return err
	}
	shape, err := m.pictureShape()
	if err != nil {
		return err
	}
	data, err := f.load(ctx, paths, shape)
	if err != nil {
		return err
	}
	p, err := f.projector(m)
	if err != nil {
		return err
	}
	defer p.Close()

	bar := display.NewBriefProgress(stderr)
	defer bar.Settle()
	var found []*latent.Projection
	for i := range paths {
		bar.Show(display.State{Part: "searching", Done: i, Of: len(paths), Unit: "picture"})
		r, err := p.Project(ctx, data.Image(i))
		if err != nil {
			return err
		}
		found = append(found, r)
	}
	bar.Settle()
	if err := f.write(found, data, shape); err != nil {
		return err
	}
	return f.report(paths, found, m, stdout)
}

// check finds what is wrong with the flags before anything is opened.
func (f *projectFlags) check(paths []string) error {
	if _, err := f.threads.number(); err != nil {
		return err
	}
	for _, out := range []struct{ flag, path, extension string }{{"-o", f.out, ".npy"}, {"--preview", f.preview, ".png"}} {
		if out.path == "" && out.flag == "--preview" {
			continue
		}
		if !strings.EqualFold(filepath.Ext(out.path), out.extension) {
			return usagef("%s %s: want a file %s", out.flag, out.path, out.extension)
		}
		if err := errors.Join(checkNotInput(out.flag, out.path, paths...), checkFile(out.flag, out.path)); err != nil {
			return err
		}
	}
	return nil
}

// load reads the pictures in the size that the generator draws.
func (f *projectFlags) load(ctx context.Context, paths []string, shape model.Shape) (*dataset.Dataset, error) {
	if shape.H != shape.W {
		return nil, fmt.Errorf("the model draws %v; pictures are looked for in squares", shape)
	}
	background, err := parseBackground(f.background)
	if err != nil {
		return nil, usagef("--background %s: %w", f.background, err)
	}
	data, err := dataset.LoadPictures(ctx, paths, dataset.Options{Size: shape.H, Channels: shape.C, Background: background})
	if err != nil {
		return nil, err
	}
	if f.invert {
		invert(data)
	}
	return data, nil
}

// invert exchanges black and white, and leaves alpha and what cannot be seen.
func invert(data *dataset.Dataset) {
	for p := data.Pix; len(p) > 0; p = p[data.C:] {
		colors, alpha := p[:data.C], uint8(255)
		if dataset.HasAlpha(data.C) {
			colors, alpha = p[:data.C-1], p[data.C-1]
		}
		if alpha == 0 {
			continue
		}
		for i, v := range colors {
			colors[i] = 255 - v
		}
	}
}

// projector prepares the search.
func (f *projectFlags) projector(m network) (*latent.Projector, error) {
	o := latent.Options{Seed: f.seed}
	var err error
	if o.Threads, err = f.threads.number(); err != nil {
		return nil, err
	}
	if f.class != "" {
		_, classes := m.latents()
		class, err := m.classIndex("class", f.class, classes)
		if err != nil {
			return nil, err
		}
		o.Class = class + 1
	}
	return latent.NewProjector(m.Model, o)
}

// write puts the latents and the preview in place.
func (f *projectFlags) write(found []*latent.Projection, data *dataset.Dataset, shape model.Shape) error {
	var z []float32
	var pairs []uint8
	for i, r := range found {
		z = append(z, r.Latents...)
		pairs = slices.Concat(pairs, data.Image(i), r.Pixels)
	}
	err := atomicfile.Write(f.out, func(w io.Writer) error {
		if err := npy.WriteHeader(w, len(found), len(found[0].Latents)); err != nil {
			return err
		}
		return npy.WriteFloats(w, z)
	})
	if err != nil || f.preview == "" {
		return err
	}
	var b bytes.Buffer
	if err := picture.WritePNG(&b, picture.Grid(pairs, shape.H, shape.W, shape.C, 2)); err != nil {
		return err
	}
	return atomicfile.WriteFile(f.preview, b.Bytes())
}

// report says what was found: on standard output, which it is the result of.
func (f *projectFlags) report(paths []string, found []*latent.Projection, m network, stdout io.Writer) error {
	list := make([]projected, len(found))
	for i, r := range found {
		list[i] = projected{Picture: paths[i], Distance: r.Distance}
		if r.Class >= 0 {
			list[i].Class = &r.Class
		}
	}
	if f.json {
		return json.NewEncoder(stdout).Encode(struct {
			Out      string      `json:"out"`
			Pictures []projected `json:"pictures"`
		}{f.out, list})
	}
	for _, p := range list {
		class := ""
		if p.Class != nil {
			class = fmt.Sprintf("class %d, ", *p.Class)
			if *p.Class < len(m.ClassNames) {
				class = fmt.Sprintf("class %s, ", m.ClassNames[*p.Class])
			}
		}
		if _, err := fmt.Fprintf(stdout, "%s: %soff by %.1f of 255\n", p.Picture, class, p.Distance); err != nil {
			return err
		}
	}
	return nil
}
