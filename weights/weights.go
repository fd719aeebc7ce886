package weights

import (
	"fmt"
	"os"
	"strings"

	gantiny "github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/internal/graphfile"
	"github.com/gantiny/gantiny/internal/importer"
	"github.com/gantiny/gantiny/internal/importer/ir"
	"github.com/gantiny/gantiny/model"
)

func init() {
	for _, extension := range []string{".pt", ".pth"} {
		gantiny.RegisterFormat(extension, "", Read)
	}
}

// Errors of this package, for errors.Is; those of other importers are the same.
var (
	ErrFormat      = ir.ErrFormat
	ErrUnsupported = ir.ErrUnsupported
	ErrGraph       = graphfile.ErrGraph
)

// UnsupportedError lists everything that keeps a file from being imported, in its field Items. It
// wraps ErrUnsupported.
type UnsupportedError = ir.UnsupportedError

// Range says what the output's numbers stand for: black and white.
type Range = importer.Range

// The ranges of pixels.
const (
	RangeAuto    = importer.RangeAuto    // by the last layer; as they are if it does not tell
	RangeNone    = importer.RangeNone    // as they are
	RangeTanh    = importer.RangeTanh    // -1 to 1, which is package model's own
	RangeSigmoid = importer.RangeSigmoid // 0 to 1
	RangeBytes   = importer.RangeBytes   // 0 to 255
)

// Options say what a file does not.
type Options struct {
	Range  Range       // of the output's numbers, if it is an image
	Graph  []byte      // the network in TOML; a known family if empty
	Under  string      // what the names of the wanted tensors begin with; found out if empty
	Hidden string      // of a family: the activation between layers, see Activations
	Last   string      // of a family: the activation at the end
	Size   model.Shape // of a family: the image, where more than one size is possible
}

// Found is how a model came of a file.
type Found struct {
	Family   string     // that was recognized; empty with Options.Graph
	Graph    string     // in TOML
	Assigned []Assigned // one tensor after the other
}

// Read makes a model of the network of a known family in a file in memory.
func Read(b []byte) (*model.Model, error) {
	m, _, err := Options{}.Read(b)
	return m, err
}

// Load is Read of the file at path, with options.
func (o Options) Load(path string) (*model.Model, *Found, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, fmt.Errorf("weights: %w", err)
	}
	return o.Read(b)
}

// Read makes a model of a file in memory, to which nothing may write while it does. Errors wrap
// ErrFormat for a file that is damaged, ErrUnsupported, with a list of everything, for one whose
// tensors are not those that the network wants, and ErrGraph for a text that is no graph. With an
// error of the second kind Found, if it is not nil, says how far it went.
func (o Options) Read(b []byte) (*model.Model, *Found, error) {
	m, f, err := o.read(b, ir.NewMeter(len(b)))
	if err != nil {
		return nil, f, fmt.Errorf("weights: %w", err)
	}
	return m, f, nil
}

func (o Options) read(b []byte, meter *ir.Meter) (*model.Model, *Found, error) {
	tensors, err := readTensors(b, meter)
	if err != nil {
		return nil, nil, err
	}
	tensors, under, err := o.wanted(tensors)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range tensors { // which become parameters, and may be larger than what the file has of them
		if err := meter.Take(4 * int64(t.n)); err != nil {
			return nil, nil, err
		}
	}
	found := &Found{}
	var g *graphfile.File
	if o.Graph != nil {
		if g, err = graphfile.Parse(o.Graph); err != nil {
			return nil, nil, err
		}
		for i, l := range g.Layers { // names as they are in the file are as good
			g.Layers[i].Weights = strings.TrimPrefix(l.Weights, under)
		}
	} else if g, found.Family, err = o.recognize(tensors); err != nil {
		return nil, nil, err
	}
	found.Graph = g.Text()
	empty, values, err := o.empty(g)
	if err != nil {
		return nil, found, err
	}
	var m *model.Model
	if m, found.Assigned, err = assign(g, empty, tensors, values); err != nil {
		return nil, found, err
	}
	if err := finite(m); err != nil {
		return nil, found, err
	}
	m.Provenance.Command = "import of weights"
	return m, found, nil
}

// finite returns an error if a parameter is not a number.
func finite(m *model.Model) error {
	for _, p := range m.Params() {
		for i, v := range p.Data {
			if v-v != 0 {
				return ir.Damaged("%s has %v at %d", p.Name, v, i)
			}
		}
	}
	return nil
}

// wrappers are names under which programs put a network's state.
var wrappers = []string{"g_ema", "ema", "generator", "netG", "G", "g", "decoder", "state_dict", "model_state_dict", "model", "module", "net"}

// wanted returns the tensors under a name, without it, and that name with a dot.
func (o Options) wanted(all []*tensor) (list []*tensor, under string, err error) {
	if len(all) == 0 {
		return nil, "", ir.Damaged("it holds no tensors")
	}
	if o.Under != "" {
		under = strings.TrimSuffix(o.Under, ".") + "."
		if list = below(all, under); len(list) == 0 {
			return nil, "", &ir.UnsupportedError{Items: []string{fmt.Sprintf("no tensor's name begins with %q: they are %s", under, some(all))}}
		}
		return list, under, nil
	}
	for list = all; ; {
		next := ""
		for _, w := range wrappers {
			if n := len(below(list, w+".")); n == len(list) || n > 0 && w != "net" && w != "module" && w != "model" && w != "decoder" {
				next = w + "."
				break
			}
		}
		if next == "" {
			return list, under, nil
		}
		list, under = below(list, next), under+next
	}
}

// below returns the tensors whose names begin with prefix, without it.
func below(all []*tensor, prefix string) (list []*tensor) {
	for _, t := range all {
		if name, ok := strings.CutPrefix(t.name, prefix); ok {
			u := *t
			u.name = name
			list = append(list, &u)
		}
	}
	return list
}

// some lists a few names.
func some(all []*tensor) string {
	const most = 4
	var names []string
	for i, t := range all {
		if i == most {
			names = append(names, "...")
			break
		}
		names = append(names, t.name)
	}
	return strings.Join(names, ", ")
}
