package csource_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/gantiny/gantiny/export/csource"
	"github.com/gantiny/gantiny/model"
)

// FuzzWrite: whatever model a file holds, it is written or refused.
func FuzzWrite(f *testing.F) {
	all, err := int8Nets()
	if err != nil {
		f.Fatal(err)
	}
	for _, m := range all {
		var b bytes.Buffer
		if err := m.Encode(&b, model.SaveOptions{}); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		m, err := model.ReadInt8(bytes.NewReader(file), int64(len(file)))
		if err != nil || size(m) > 1<<18 {
			return
		}
		p, err := csource.New(m, csource.Options{})
		if err != nil {
			if !errors.Is(err, csource.ErrUnsupported) {
				t.Error(err)
			}
			return
		}
		if err := p.Write(io.Discard); err != nil {
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
