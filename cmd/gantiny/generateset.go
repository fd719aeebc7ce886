package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/fleet"
	"github.com/gantiny/gantiny/simd"
)

// drawnSet is what generate --json prints of a set of parts; its names are a contract.
type drawnSet struct {
	Images   int     `json:"images"`  // drawn, without those of parts that were there already
	Seconds  float64 `json:"seconds"` // of all: drawing, encoding, writing, checking
	Kernel   string  `json:"kernel"`
	Model    string  `json:"model"`
	Form     string  `json:"form"` // float32 or int8
	Out      string  `json:"out"`
	Parts    int     `json:"parts"` // of this shard
	Kept     int     `json:"kept"`  // of those, parts that were there already
	Manifest string  `json:"manifest"`
}

// checkSet finds what does not go with a set of parts.
func (f *generateFlags) checkSet() error {
	for _, flag := range []string{"latents", "interpolate", "directions", "morph", "cols", "show"} {
		if f.set(flag) {
			return usagef("--%s: does not go with a set of parts, -o %s", flag, f.out)
		}
	}
	return nil
}

// drawSet draws the parts of one shard.
func (f *generateFlags) drawSet(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if err := f.checkSet(); err != nil {
		return err
	}
	i, n, err := f.shardOf()
	if err != nil {
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
	dir, name := filepath.Split(f.out)
	dir = filepath.Clean(dir)
	d, err := f.newDrawer(m, kernels, dir, name)
	if err != nil {
		return err
	}
	defer d.Close()
	begin := time.Now()
	manifest, p, err := f.drawShard(ctx, d, dir, fleet.Shard{I: i, N: n}, stderr)
	if errors.Is(err, fleet.ErrForeign) || errors.Is(err, fleet.ErrManifest) || errors.Is(err, fleet.ErrSet) {
		return usagef("-o %s: %w", f.out, err)
	}
	if err != nil {
		return err
	}
	r := drawnSet{Images: p.Images, Seconds: time.Since(begin).Seconds(), Kernel: kernels.Name, Model: m.name, Form: m.form(), Out: f.out,
		Parts: p.Parts, Kept: p.Kept, Manifest: manifest}
	if f.json {
		return json.NewEncoder(stdout).Encode(r)
	}
	kept := ""
	if p.Kept > 0 {
		kept = fmt.Sprintf(", %d of which were there already", p.Kept)
	}
	_, err = fmt.Fprintf(stderr, "%s: shard %d/%d: %s%s; %s of %v in %.3g s, %s, kernels %s\n", manifest, i, n,
		display.Plural(p.Parts, "part"), kept, display.Plural(p.Images, "image"), m.Output(), r.Seconds, r.Form, r.Kernel)
	return err
}

// newDrawer makes what draws the set's parts into the folder dir, which it tries first. The caller
// closes it.
func (f *generateFlags) newDrawer(m network, kernels *simd.Kernels, dir, name string) (*fleet.Drawer, error) {
	shape, err := m.pictureShape()
	if err != nil {
		return nil, err
	}
	dim, classes := m.latents()
	class, err := f.classOf(m, classes)
	if err != nil {
		return nil, err
	}
	if err := tryFolder("-o", f.out, dir); err != nil {
		return nil, err
	}
	batch, err := batchOf(min(f.batch, f.partImages), dim+shape.Len(), f.set("batch"))
	if err != nil {
		return nil, err
	}
	o, err := f.sessionOptions(m, kernels, max(batch, 1), encodingBytes+2*int64(batch)*int64(shape.Len()))
	if err != nil {
		return nil, err
	}
	set := fleet.Set{Name: name, Count: f.n, PartImages: f.partImages, Seed: f.seed, Class: class, Truncation: float32(f.truncation)}
	d, err := fleet.NewDrawer(m.Model, set, o)
	if errors.Is(err, fleet.ErrSet) {
		return nil, usagef("-o %s: %w", f.out, err)
	}
	return d, err
}

// drawShard draws and shows how far it is.
func (f *generateFlags) drawShard(ctx context.Context, d *fleet.Drawer, dir string, s fleet.Shard, stderr io.Writer) (string, fleet.Progress, error) {
	bar := display.NewBriefProgress(stderr)
	defer bar.Settle()
	begin := time.Now()
	return d.Draw(ctx, dir, s, func(p fleet.Progress) {
		if p.Again != "" {
			bar.Settle()
			fmt.Fprintf(stderr, "generate: %s; drawn again\n", p.Again)
		}
		spent := time.Since(begin)
		left := time.Duration(float64(spent) / float64(p.Parts) * float64(p.Of-p.Parts))
		bar.Show(display.State{Part: "drawing", Done: p.Parts, Of: p.Of, Unit: "part", Facts: []string{
			display.Roughly(left) + " left", fmt.Sprintf("%.0f images/s", float64(p.Images)/max(1e-9, spent.Seconds())),
		}})
	})
}
