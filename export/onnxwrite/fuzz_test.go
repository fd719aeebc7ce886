package onnxwrite_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gantiny/gantiny/export/internal/nets"
	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
)

// FuzzWrite: whatever model a file holds, it is written or refused, and what is written is no
// damaged ONNX file.
func FuzzWrite(f *testing.F) {
	for _, n := range nets.All() {
		m, err := n.Model()
		if err != nil {
			f.Fatal(err)
		}
		models := []*model.Model{m}
		if n.Name == "conditional" || n.Name == "gates" {
			q, err := n.Int8(f.Context())
			if err != nil {
				f.Fatal(err)
			}
			models = append(models, q)
		}
		for _, m := range models {
			var b bytes.Buffer
			if err := m.Encode(&b, model.SaveOptions{}); err != nil {
				f.Fatal(err)
			}
			f.Add(b.Bytes())
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := model.Read(bytes.NewReader(file), int64(len(file)))
		if err != nil || size(m) > 1<<18 {
			return
		}
		var b bytes.Buffer
		if err := onnxwrite.Write(&b, m, onnxwrite.Options{}); err != nil {
			if !errors.Is(err, onnxwrite.ErrUnsupported) {
				t.Error(err)
			}
			return
		}
		if _, err := onnx.Read(b.Bytes()); err != nil && !errors.Is(err, onnx.ErrUnsupported) {
			t.Error(err)
		}
	})
}

// size is the number of all features and parameters.
func size(m *model.Model) (n int) {
	for _, l := range m.Layers() {
		n += l.Out.Shape.Len() + l.Parameters()
	}
	return n
}
