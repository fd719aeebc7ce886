package explorer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/model"
)

// Info is what the page knows of a model; its names are part of the HTTP interface.
type Info struct {
	Name       string   `json:"name"`
	ID         string   `json:"id"`   // changes with the pictures
	Form       string   `json:"form"` // float32 or int8
	Latent     int      `json:"latent"`
	Classes    int      `json:"classes"`     // 0 without
	ClassNames []string `json:"class_names"` // of the first classes, perhaps none
	Height     int      `json:"height"`
	Width      int      `json:"width"`
	Channels   int      `json:"channels"`
}

// InfoOf describes a generator.
func InfoOf(m *model.Model, name, id string) (Info, error) {
	latent, class, err := m.GeneratorInputs()
	if err != nil {
		return Info{}, err
	}
	inputs, out := m.Inputs(), m.Output()
	i := Info{Name: name, ID: id, Form: "float32", Latent: inputs[latent].Shape.Len(), ClassNames: append([]string{}, m.ClassNames...), Height: out.H, Width: out.W, Channels: out.C}
	if m.Quantized() {
		i.Form = "int8"
	}
	if class >= 0 {
		i.Classes = inputs[class].Type.Classes
	}
	return i, nil
}

// Class finds a class by its name, in letters of either case, or by its number; false if there is
// none.
func (i Info) Class(text string) (int, bool) {
	if k := slices.IndexFunc(i.ClassNames, func(name string) bool { return strings.EqualFold(name, text) }); k >= 0 {
		return k, true
	}
	k, err := strconv.Atoi(text)
	return k, err == nil && k >= 0 && k < i.Classes
}
