package main

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/gantiny/gantiny/model"
)

// hostile is what a file may say of itself: it sets the clipboard and a title, clears the screen,
// hides what follows.
const hostile = "\x1b]52;c;ZXZpbA==\x07\x1b]0;owned\x07\x1b[2J\x1b[H\u009b8m\u202e\nmodel    all is well"

// TestHostileText: no command passes on the control codes of a model's name, its provenance or a
// path, off a terminal as on one.
func TestHostileText(t *testing.T) {
	t.Chdir(t.TempDir())
	m := model.Generator(model.Config{Width: 2, Latent: 3})
	m.Name = hostile
	m.Provenance = model.Provenance{Command: "gantiny train" + hostile, Version: hostile, Dataset: hostile, DatasetSHA256: hostile, Epochs: 1}
	path := strings.ReplaceAll(strings.ReplaceAll(hostile, "\n", ""), "/", "") + ".safetensors"
	if err := m.Save(path, model.SaveOptions{}); err != nil {
		t.Skip(err) // where such a path cannot be
	}
	for _, args := range [][]string{
		{"inspect", path}, {"inspect", path, "--json"}, {"inspect", path, "--graph"}, {"inspect", path, "--json", "--graph"}, {"generate", path, "-n", "1", "-o", path + ".png"}, {"generate", path, "--float", "--json", "-o", "a.png"},
		{"bench", path, "--seconds", "0.001", "--threads", "1", "--batch", "1"}, {"generate", path + "x"}, {"generate", "--" + path}, {path},
		{"generate", "--latents", path}, {"generate", path, "-o", path}, {"quantize", path, "-o", "q.safetensors", "--calib", "4", "--judge", "4"},
		{"train", "--out", path + "/run", "--data", "digits"}, {"train", "--data", path + "x", "--out", "run"}, {"train", "--config", path, "--out", "run"},
	} {
		r := gantiny(t, args...)
		for _, text := range []string{r.stdout, r.stderr} {
			bad := strings.IndexFunc(text, func(r rune) bool {
				return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
			})
			if bad >= 0 {
				t.Errorf("%.40q: writes %q", args, text[bad:min(len(text), bad+30)])
			}
			if strings.Contains(text, "\nmodel    all is well") {
				t.Errorf("%.40q: a line is the file's own: %q", args, text)
			}
		}
	}
	var got struct {
		Name       string
		Provenance struct{ Command string }
	}
	if err := json.Unmarshal([]byte(gantiny(t, "inspect", path, "--json").stdout), &got); err != nil || got.Name != hostile || !strings.HasSuffix(got.Provenance.Command, hostile) {
		t.Errorf("in JSON it is %+v, %v", got, err)
	}
}
