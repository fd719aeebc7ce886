package fleet

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/gantiny/gantiny/internal/npy"
)

// kind is what a part's files are.
type kind struct {
	suffix string // of the name
	labels string // what stands for the suffix in the name of a second file, with labels; "" for none
	dims   int    // of an IDX file
	zip    bool
	floats bool // the pictures are written as floats
	write  func(p *partWriter, ctx context.Context, w io.Writer) error
}

var kinds = []kind{
	{suffix: ".tar", write: (*partWriter).tar},
	{suffix: ".npy", floats: true, write: (*partWriter).npy},
	{suffix: "images-idx3-ubyte", labels: "labels-idx1-ubyte", dims: 3, write: (*partWriter).idx},
	{suffix: "images-idx4-ubyte", labels: "labels-idx1-ubyte", dims: 4, write: (*partWriter).idx},
	{suffix: "images-idx3-ubyte.gz", labels: "labels-idx1-ubyte.gz", dims: 3, zip: true, write: (*partWriter).idx},
	{suffix: "images-idx4-ubyte.gz", labels: "labels-idx1-ubyte.gz", dims: 4, zip: true, write: (*partWriter).idx},
}

// takes reports why a kind cannot hold a set.
func (k *kind) takes(s *Set) error {
	switch {
	case k.suffix == ".tar" && s.Channels > 4:
		return fmt.Errorf("%w: %s: a picture has 1 to 4 channels, the model makes %d; .npy takes any", ErrSet, s.Name, s.Channels)
	case k.dims == 3 && s.Channels != 1:
		return fmt.Errorf("%w: %s: the model makes %d channels: name it idx4", ErrSet, s.Name, s.Channels)
	case k.dims == 4 && s.Channels == 1:
		return fmt.Errorf("%w: %s: the model makes 1 channel: name it idx3", ErrSet, s.Name)
	case k.labels != "" && s.Classes > 256:
		return fmt.Errorf("%w: %s: labels are bytes, and the model has %d classes", ErrSet, s.Name, s.Classes)
	}
	return nil
}

// partWriter writes the files of one part.
type partWriter struct {
	d          *Drawer
	first, end int
}

// file writes the part's file i: the pictures, or their labels.
func (p *partWriter) file(ctx context.Context, i int, w io.Writer) error {
	k := p.d.name.kind
	write := func(w io.Writer) error { return k.write(p, ctx, w) }
	if i == 1 {
		write = p.labels
	}
	if !k.zip {
		return write(w)
	}
	z := gzip.NewWriter(w) // of no name and no time
	if err := write(z); err != nil {
		return err
	}
	return z.Close()
}

func (p *partWriter) npy(ctx context.Context, w io.Writer) error {
	s := &p.d.set
	if err := npy.WriteHeader(w, p.end-p.first, s.Height, s.Width, s.Channels); err != nil {
		return err
	}
	return p.d.each(ctx, p.first, p.end, func(b block) error { return npy.WriteFloats(w, b.floats) })
}

func (p *partWriter) idx(ctx context.Context, w io.Writer) error {
	s := &p.d.set
	dims := []int{p.end - p.first, s.Height, s.Width, s.Channels}
	if err := writeIDXHeader(w, dims[:p.d.name.kind.dims]...); err != nil {
		return err
	}
	return p.d.each(ctx, p.first, p.end, func(b block) error {
		_, err := w.Write(b.pixels)
		return err
	})
}

// labels writes the classes; those of a model without any are 0.
func (p *partWriter) labels(w io.Writer) error {
	labels := make([]byte, p.end-p.first)
	for i := range labels {
		if p.d.set.Classes > 0 {
			labels[i] = byte(p.d.set.classOf(p.first + i))
		}
	}
	if err := writeIDXHeader(w, len(labels)); err != nil {
		return err
	}
	_, err := w.Write(labels)
	return err
}

// writeIDXHeader writes what comes before the bytes of an IDX file: they may follow bit by bit,
// which dataset.WriteIDX does not do.
func writeIDXHeader(w io.Writer, dims ...int) error {
	const unsignedBytes = 8
	head := []byte{0, 0, unsignedBytes, byte(len(dims))}
	for _, d := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(d))
	}
	_, err := w.Write(head)
	return err
}
