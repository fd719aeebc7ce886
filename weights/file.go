package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// readTensors reads the tensors of a file of any format, in the file's order.
func readTensors(b []byte, m *ir.Meter) ([]*tensor, error) {
	switch {
	case isZip(b):
		a, err := openZip(b, m)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(a.names, func(n string) bool { return strings.HasSuffix(n, ".npy") }) {
			return readNPZ(a)
		}
		c, err := readZip(a)
		if err != nil {
			return nil, err
		}
		return c.tensors()
	case isLegacy(b):
		c, err := readLegacy(b, m)
		if err != nil {
			return nil, err
		}
		return c.tensors()
	case len(b) > 9 && b[8] == '{':
		return readSafetensors(b, m)
	}
	return nil, ir.Damaged("it is no checkpoint of PyTorch, no .safetensors and no .npz")
}

// safetensorsTypes are the types of elements that weights may have.
var safetensorsTypes = map[string]int{
	"F32": ir.TypeFloat, "F16": ir.TypeFloat16, "BF16": ir.TypeBfloat16, "F64": ir.TypeDouble,
	"I64": ir.TypeInt64, "I32": ir.TypeInt32, "I16": ir.TypeInt16, "I8": ir.TypeInt8, "U8": ir.TypeUint8, "BOOL": ir.TypeBool,
}

// readSafetensors reads .safetensors with the types that package model/safetensors, which holds to
// what gantiny writes, does not take.
func readSafetensors(b []byte, m *ir.Meter) ([]*tensor, error) {
	n := binary.LittleEndian.Uint64(b)
	if n > uint64(len(b)-8) {
		return nil, ir.Damaged("a header of %d bytes", n)
	}
	head, data := b[8:8+n], b[8+n:]
	const decoded = 16 // times the text that a header may take in memory
	if err := m.Take(decoded * int64(n)); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(head))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, ir.Damaged("a header that is no JSON")
	}
	var all []*tensor
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, ir.Damaged("a header that is no JSON")
		}
		var at struct {
			Type   string    `json:"dtype"`
			Shape  []int     `json:"shape"`
			Offset [2]uint64 `json:"data_offsets"`
		}
		if name == "__metadata__" {
			var texts map[string]string
			if err = d.Decode(&texts); texts["gantiny"] != "" || texts["gantiny.int8"] != "" {
				return nil, &ir.UnsupportedError{Items: []string{"it is a model of gantiny already, with its network"}}
			}
		} else {
			err = d.Decode(&at)
		}
		switch {
		case err != nil:
			return nil, ir.Damaged("tensor %q: %v", name, err)
		case name == "__metadata__":
			continue
		case at.Offset[0] > at.Offset[1] || at.Offset[1] > uint64(len(data)):
			return nil, ir.Damaged("tensor %q is outside of the file", name)
		case safetensorsTypes[at.Type] == 0:
			return nil, &ir.UnsupportedError{Items: []string{fmt.Sprintf("tensor %q: elements of type %q", name, at.Type)}}
		}
		t, err := newTensor(name, at.Shape, safetensorsTypes[at.Type], data[at.Offset[0]:at.Offset[1]])
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}
