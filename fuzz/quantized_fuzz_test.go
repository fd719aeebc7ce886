package fuzz

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/quant"
	"github.com/gantiny/gantiny/simd"
)

// FuzzQuantized reads files of quantised models. What is read is written again to the same model and, if it is small, draws the
// pixels of the reference.
func FuzzQuantized(f *testing.F) {
	m := model.Generator(model.Config{Latent: 3, Size: 4, Width: 1})
	q, _, err := m.Quantize(f.Context(), quant.Options{Images: 32})
	if err != nil {
		f.Fatal(err)
	}
	for alone := range 2 {
		var b bytes.Buffer
		first, o := q, model.SaveOptions{}
		if alone == 0 {
			first, o.Int8 = m, q
		}
		if err := first.Encode(&b, o); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
		plain := unchecked(b.Bytes())
		f.Add(plain)
		f.Add(plain[:len(plain)-1])
		f.Add(bytes.Replace(plain, []byte(`\"slope\":0.3`), []byte(`\"slope\":0.9`), 1))
		f.Add(bytes.Replace(plain, []byte(`\"InC\":4`), []byte(`\"InC\":9`), 1))
	}
	known := []error{model.ErrNone, model.ErrLayer, model.ErrShape, model.ErrFormat, safetensors.ErrFormat}
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := model.ReadInt8(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			for _, e := range known {
				if errors.Is(err, e) {
					return
				}
			}
			t.Fatalf("an error of no kind: %v", err)
		}
		var again bytes.Buffer
		if err := q.Encode(&again, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		if _, err := model.ReadInt8(bytes.NewReader(again.Bytes()), int64(again.Len())); err != nil {
			t.Fatalf("what was read does not read again: %v", err)
		}
		if exact, _ := q.MACs(); exact > 1<<16 || q.Input().Len() > 1<<10 || q.Output().Len() > 1<<12 {
			return
		}
		z := make([]float32, q.Input().Len())
		model.Latents(z, len(z), 1, 0)
		want, got := make([]uint8, q.Output().Len()), make([]uint8, q.Output().Len())
		if err := q.Exact(want, z); err != nil {
			t.Skip(err) // a graph with other inputs
		}
		for _, k := range simd.Variants() {
			s, err := q.NewSession(model.Options{Batch: 1, Threads: 1, Kernels: k})
			if err != nil {
				return // too large for a plan
			}
			err = s.Pixels(got, z)
			s.Close()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("%s draws %v, the reference %v", k.Name, got, want)
			}
		}
	})
}
