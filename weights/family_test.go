package weights

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

// shapes are tensors of zeros, by name.
type shapes map[string][]int

// safetensors is a file of them.
func (s shapes) safetensors(t *testing.T) []byte {
	t.Helper()
	head := map[string]any{}
	at := 0
	for _, name := range slices.Sorted(maps.Keys(s)) {
		n, _ := ir.Elements(s[name])
		head[name] = map[string]any{"dtype": "F32", "shape": s[name], "data_offsets": []int{at, at + 4*n}}
		at += 4 * n
	}
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	return append(append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), make([]byte, at)...)
}

// TestNoFamily: weights that are of no known family, by what their error says.
func TestNoFamily(t *testing.T) {
	for want, s := range map[string]shapes{
		`tensor "w" of [2]: no module of a known family has it`:       {"w": {2}},
		`tensor "a.gamma" of [2]: no module of a known family has it`: {"a.gamma": {2}},
		`module "a": no module of a known family`:                     {"a.weight": {2, 2, 2}},
		"no module but an embedding; give its network with a graph":   {"label_emb.weight": {10, 4}},
		"a normalization in the first place":                          {"0.weight": {4}, "0.bias": {4}, "0.running_mean": {4}, "0.running_var": {4}, "1.weight": {4, 4}},
		"it does not read 8 features":                                 {"0.weight": {8, 4}, "2.weight": {8, 9}},
		"it does not read 8 channels":                                 {"0.weight": {4, 8, 4, 4}, "1.weight": {9, 3, 4, 4}},
		"a kernel that is no square":                                  {"0.weight": {4, 8, 4, 3}},
		"a normalization of other channels":                           {"0.weight": {4, 8, 4, 4}, "1.weight": {5}, "1.bias": {5}, "1.running_mean": {5}, "1.running_var": {5}, "3.weight": {8, 3, 4, 4}},
		`fewer features than the embedding "label_emb" has`:           {"label_emb.weight": {10, 9}, "0.weight": {8, 4}},
	} {
		_, _, err := Options{}.Read(s.safetensors(t))
		if !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", s, err, want)
		}
	}
}

// TestUsualKernels: what is known of networks of transposed convolutions is not taken of others
// with the same kernels, in which convolutions are among them.
func TestUsualKernels(t *testing.T) {
	for _, c := range []struct {
		shapes shapes
		want   model.Shape
	}{
		{shapes{"0.weight": {8, 7, 3, 3}, "1.weight": {7, 6, 4, 4}, "2.weight": {6, 5, 3, 3}, "3.weight": {5, 3, 4, 4}}, model.Shape{H: 28, W: 28, C: 3}},
		{shapes{"0.weight": {8, 7, 3, 3}, "1.weight": {7, 6, 4, 4}, "2.weight": {5, 6, 3, 3}, "3.weight": {5, 3, 4, 4}}, model.Shape{H: 12, W: 12, C: 3}},
		{shapes{"0.weight": {8, 7, 3, 3}, "1.weight": {6, 7, 3, 3}, "2.weight": {5, 6, 3, 3}, "3.weight": {4, 5, 3, 3}, "4.weight": {4, 3, 4, 4}}, model.Shape{H: 6, W: 6, C: 3}},
	} {
		m, _, err := Options{}.Read(c.shapes.safetensors(t))
		if err != nil {
			t.Errorf("%v: %v", c.shapes, err)
		} else if got := m.Output(); got != c.want {
			t.Errorf("%v: %v, want %v", c.shapes, got, c.want)
		}
	}
}

// TestHeaderDamage: headers of .safetensors that are none.
func TestHeaderDamage(t *testing.T) {
	file := func(head string, data int) []byte {
		return append(binary.LittleEndian.AppendUint64(nil, uint64(len(head))), head+strings.Repeat("\x00", data)...)
	}
	for what, c := range map[string]struct{ head, want string }{
		"no name":    {"{1}", "a header that is no JSON"},
		"cut off":    {`{"a"`, `tensor "a": EOF`},
		"no tensor":  {`{"a":[1]}`, `tensor "a": json: `},
		"outside":    {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, `tensor "a" is outside of the file`},
		"too little": {`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, `tensor "a" of [2] has 4 bytes`},
	} {
		refused(t, what, file(c.head, 4), c.want)
	}
	for head, want := range map[string]string{
		`{"__metadata__":{"gantiny":"{}"}}`:                          "it is a model of gantiny already",
		`{"a":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}}`: `tensor "a": elements of type "F8_E4M3"`,
	} {
		if _, _, err := (Options{}).Read(file(head, 4)); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", head, err, want)
		}
	}
}
