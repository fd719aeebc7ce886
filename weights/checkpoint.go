package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/gantiny/gantiny/internal/importer/ir"
)

// This file finds the tensors of PyTorch's checkpoints.

// legacyMagic is what a checkpoint of the form before PyTorch 1.6 begins with: a pickle of a
// number.
var legacyMagic = []byte("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.")

// storageTypes are the classes of PyTorch that hold a tensor's elements.
var storageTypes = map[string]int{
	"FloatStorage": ir.TypeFloat, "HalfStorage": ir.TypeFloat16, "BFloat16Storage": ir.TypeBfloat16, "DoubleStorage": ir.TypeDouble,
	"LongStorage": ir.TypeInt64, "IntStorage": ir.TypeInt32, "ShortStorage": ir.TypeInt16, "CharStorage": ir.TypeInt8, "ByteStorage": ir.TypeUint8,
	"BoolStorage": ir.TypeBool,
}

// checkpoint is what a checkpoint holds: a tree of dictionaries, and the storages of its tensors.
type checkpoint struct {
	m       *ir.Meter
	root    any
	storage func(key string, typ int, n int64) ([]byte, error)
	widened map[string]bool
	visits  int // values that may still be looked at
}

// readZip reads a checkpoint of today: a pickle and the storages, each a file of an archive.
func readZip(a *archive) (*checkpoint, error) {
	i := slices.IndexFunc(a.names, func(n string) bool { return strings.HasSuffix(n, "/data.pkl") })
	if i < 0 {
		return nil, ir.Damaged("an archive without data.pkl")
	}
	dir := strings.TrimSuffix(a.names[i], "data.pkl")
	if _, ok := a.entries[dir+"byteorder"]; ok {
		if b, err := a.read(dir + "byteorder"); err != nil || string(b) != "little" {
			return nil, ir.Damaged("numbers in the order %q of bytes", b)
		}
	}
	b, err := a.read(a.names[i])
	if err != nil {
		return nil, err
	}
	p, _, err := unpickle(b, a.m)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{m: a.m, root: p.value}
	c.storage = func(key string, typ int, n int64) ([]byte, error) {
		b, err := a.read(dir + "data/" + key)
		if err == nil && n*int64(ir.TypeSize[typ]) != int64(len(b)) {
			err = ir.Damaged("storage %s has %d bytes", key, len(b))
		}
		return b, err
	}
	return c, nil
}

// readLegacy reads a checkpoint of the older form: pickles, and then all storages.
func readLegacy(b []byte, m *ir.Meter) (*checkpoint, error) {
	var parts [5]pickled // a mark, the version, the machine, the tensors, the order of storages
	for i := range parts {
		p, n, err := unpickle(b, m)
		if err != nil {
			return nil, err
		}
		parts[i], b = p, b[n:]
	}
	c := &checkpoint{m: m, root: parts[3].value}
	order, ok := parts[4].value.(*list)
	if !ok {
		return nil, ir.Damaged("a checkpoint without a list of its storages")
	}
	at := map[string]int{}
	for i, k := range order.items {
		if err := m.Take(128); err != nil {
			return nil, err
		}
		at[fmt.Sprint(k)] = i
	}
	sizes, err := sizes(parts[3].outside, m)
	if err != nil {
		return nil, err
	}
	storages := make([][]byte, len(order.items))
	for i, k := range order.items {
		size, ok := sizes[fmt.Sprint(k)]
		if len(b) < 8 || !ok {
			return nil, ir.Damaged("storage %v is missing", k)
		}
		n := binary.LittleEndian.Uint64(b)
		b = b[8:]
		if n > uint64(len(b))/uint64(size) {
			return nil, ir.Damaged("storage %v of %d elements is cut off", k, n)
		}
		storages[i], b = b[:n*uint64(size)], b[n*uint64(size):]
	}
	c.storage = func(key string, typ int, n int64) ([]byte, error) {
		i, ok := at[key]
		if !ok {
			return nil, ir.Damaged("storage %s is missing", key)
		}
		return storages[i], nil
	}
	return c, nil
}

// sizes returns how many bytes an element of each storage has.
func sizes(storages []persistent, m *ir.Meter) (map[string]int, error) {
	out := map[string]int{}
	for _, p := range storages {
		s, err := storageOf(p)
		if err == nil {
			err = m.Take(128)
		}
		if err != nil {
			return nil, err
		}
		out[s.key] = ir.TypeSize[s.typ]
	}
	return out, nil
}

// Limits of what is looked for in a pickle, whose values may hold each other.
const (
	maxVisits = 1 << 16
	maxDepth  = 8
)

// walk calls f for each tensor in a tree of dictionaries, with its name.
func (c *checkpoint) walk(v any, name string, depth int, f func(name string, o *object) error) error {
	if c.visits--; c.visits < 0 || depth > maxDepth {
		return ir.Damaged("a pickle of too many values in each other")
	}
	switch v := v.(type) {
	case *dict:
		for i, k := range v.keys {
			key, ok := k.(string)
			if !ok {
				continue
			}
			if name != "" {
				key = name + "." + key
			}
			if err := c.m.Take(int64(len(key)) + 16); err != nil {
				return err
			}
			if err := c.walk(v.values[i], key, depth+1, f); err != nil {
				return err
			}
		}
	case *object:
		if isTensor(v) {
			return f(name, v)
		}
		if g, ok := v.function.(global); ok && (g.name == "_rebuild_parameter" || g.name == "Parameter") && len(v.arguments) > 0 {
			return c.walk(v.arguments[0], name, depth+1, f)
		}
		return c.walkModule(v, name, depth, f)
	}
	return nil
}

// walkModule goes through what a module has that was saved as a whole, under the names that its
// state_dict would give.
func (c *checkpoint) walkModule(o *object, name string, depth int, f func(name string, o *object) error) error {
	fields, ok := o.state.(*dict)
	if !ok {
		return nil
	}
	for _, part := range []string{"_parameters", "_buffers", "_modules"} {
		for i, k := range fields.keys {
			if k != part {
				continue
			}
			if err := c.walk(fields.values[i], name, depth, f); err != nil {
				return err
			}
		}
	}
	return nil
}

func isTensor(o *object) bool {
	g, ok := o.function.(global)
	return ok && g.module == "torch._utils" && (g.name == "_rebuild_tensor_v2" || g.name == "_rebuild_tensor") && len(o.arguments) >= 4
}

// storage is what a tensor says about where its elements are.
type storage struct {
	key string
	typ int
	n   int64
}

// storageOf reads ('storage', class, key, device, elements...).
func storageOf(p persistent) (s storage, err error) {
	id, _ := p.id.(tuple)
	if len(id) < 5 || id[0] != "storage" {
		return s, ir.Damaged("a tensor without a storage")
	}
	class, _ := id[1].(global)
	if s.typ = storageTypes[class.name]; s.typ == 0 || class.module != "torch" {
		return s, ir.Damaged("a tensor in a storage of class %s.%s", class.module, class.name)
	}
	s.n, _ = id[4].(int64)
	switch k := id[2].(type) {
	case string:
		s.key = k
	case int64:
		s.key = fmt.Sprint(k)
	}
	if len(id) > 5 && id[5] != nil {
		return s, ir.Damaged("storage %q is a part of another", s.key)
	}
	return s, nil
}

// tensors returns all tensors, under the names of the dictionaries that they are in.
func (c *checkpoint) tensors() (all []*tensor, err error) {
	c.visits, c.widened = maxVisits, map[string]bool{}
	err = c.walk(c.root, "", 0, func(name string, o *object) error {
		t, err := c.tensor(name, o)
		all = append(all, t)
		return err
	})
	return all, err
}

func (c *checkpoint) tensor(name string, o *object) (*tensor, error) {
	p, _ := o.arguments[0].(persistent)
	s, err := storageOf(p)
	if err != nil {
		return nil, err
	}
	raw, err := c.storage(s.key, s.typ, s.n)
	if err != nil {
		return nil, err
	}
	if err := c.m.Take(512); err != nil {
		return nil, err
	}
	if !c.widened[s.key] {
		c.widened[s.key] = true
		c.m.Widen(len(raw), ir.TypeSize[s.typ])
	}
	from, ok := o.arguments[1].(int64)
	shape, ok2 := integers(o.arguments[2])
	stride, ok3 := integers(o.arguments[3])
	if !ok || !ok2 || !ok3 || from > ir.MaxElements {
		return nil, ir.Damaged("tensor %q has no shape", name)
	}
	return strided(name, shape, stride, int(from), s.typ, raw)
}

// integers reads a tuple of sizes.
func integers(v any) ([]int, bool) {
	t, ok := v.(tuple)
	if !ok || len(t) > ir.MaxRank {
		return nil, false
	}
	out := make([]int, len(t))
	for i, x := range t {
		n, ok := x.(int64)
		if !ok || n < 0 || n > 1<<31-1 {
			return nil, false
		}
		out[i] = int(n)
	}
	return out, true
}

// isLegacy tells whether a file begins as a checkpoint of the older form does.
func isLegacy(b []byte) bool { return bytes.HasPrefix(b, legacyMagic) }
