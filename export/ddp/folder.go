package ddp

import (
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"

	"github.com/gantiny/gantiny/dataset"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/npy"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/train"
)

// Check returns an error that wraps ErrUnsupported if a run of these settings and networks cannot
// be written. It is for train.OpenHandover.
func Check(c train.Config, g, d *model.Model) error {
	_, err := Script(Run{Config: c, Generator: g, Discriminator: d})
	return err
}

// Write writes a run into a folder, which it makes: that of a run, with the checkpoint and the
// generator, and beside them the program and the images, which are data. version is that of the
// program that writes.
func Write(dir string, h *train.Handover, data *dataset.Dataset, version string) error {
	script, err := Script(Run{Config: h.Config, Generator: h.Generator, Discriminator: h.Discriminator, RateShare: h.RateShare, Version: version})
	if err != nil {
		return err
	}
	type file struct {
		name  string
		write func(w io.Writer) error
	}
	files := []file{
		{ScriptFile, text(script)},
		{ModuleFile, text(Module)},
		{train.CheckpointFile, h.WriteCheckpoint},
		{train.GeneratorFile, h.WriteProduct},
		{ImagesFile, array("|u1", data.Pix, data.N, data.H, data.W, data.C)},
	}
	if h.Config.Conditional {
		files = append(files, file{LabelsFile, array("<i4", data.Labels, data.N)})
	}
	if err := atomicfile.MkdirAll(dir); err != nil {
		return fmt.Errorf("ddp: %w", err)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, filepath.Join(dir, f.name))
	}
	if err := atomicfile.WriteAll(paths, func(i int, w io.Writer) error { return files[i].write(w) }); err != nil {
		return fmt.Errorf("ddp: %w", err)
	}
	return nil
}

func text(s string) func(w io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// array writes numbers as a .npy file of a type and a shape.
func array(descr string, numbers any, shape ...int) func(w io.Writer) error {
	return func(w io.Writer) error {
		if err := npy.WriteHeaderOf(w, descr, shape...); err != nil {
			return err
		}
		if bytes, ok := numbers.([]byte); ok { // many: binary.Write would copy them
			_, err := w.Write(bytes)
			return err
		}
		return binary.Write(w, binary.LittleEndian, numbers)
	}
}
