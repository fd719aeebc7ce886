package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/model"
)

func TestInspectGraph(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, m := range map[string]*model.Model{"g.safetensors": model.Generator(model.Config{Width: 2}), "d.safetensors": model.Discriminator(model.Config{Width: 2})} {
		if err := m.Save(name, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for args, says := range map[string]string{
		"":              "rewrites that changed something: none", // the embedded model, in bytes
		"g.safetensors": "dense0 + batchnorm1 + leakyrelu2",
		"d.safetensors": "drop what does nothing",
	} {
		r := gantiny(t, strings.Fields("inspect --graph "+args)...).want(t, exitDone)
		if !strings.Contains(r.stdout, says) || strings.Contains(r.stdout, "kernels") {
			t.Errorf("%s: prints %s, want %q in it", args, r.stdout, says)
		}
	}
	for args, begins := range map[string]string{
		"--graph a.svg g.safetensors": "<svg", "--graph=a.dot g.safetensors": "digraph", "d.safetensors --graph A.SVG": "<svg",
		"--json --graph b.svg d.safetensors": "<svg",
	} {
		gantiny(t, append([]string{"inspect"}, strings.Fields(args)...)...).want(t, exitDone)
		for _, word := range strings.FieldsFunc(args, func(r rune) bool { return r == ' ' || r == '=' }) {
			if b, err := os.ReadFile(word); isDrawing(word) && !strings.HasPrefix(string(b), begins) {
				t.Errorf("%s: %.20q, %v", args, b, err)
			}
		}
	}
	gantiny(t, "inspect", "--graph=a.png").want(t, exitUsage, "--graph a.png", ".svg or .dot")
	gantiny(t, "inspect", "--graph=").want(t, exitUsage, "--graph")
	gantiny(t, "inspect", "--graph", "no/a.svg").want(t, exitFailed, "there is no folder no")
}

func TestInspectGraphJSON(t *testing.T) {
	var got struct {
		Parameters int
		Graph      struct {
			Before, After struct{ Nodes []struct{ Name, Kind string } }
			Rewrites      []string
		}
	}
	r := gantiny(t, "inspect", "--json", "--graph").want(t, exitDone)
	if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
		t.Fatal(err)
	}
	if got.Parameters == 0 || len(got.Graph.Before.Nodes) == 0 || len(got.Graph.After.Nodes) == 0 || got.Graph.After.Nodes[0].Kind != "qlatents" {
		t.Errorf("%+v", got)
	}
	if strings.Contains(gantiny(t, "inspect", "--json").want(t, exitDone).stdout, `"graph"`) {
		t.Error("a graph that nobody asked for")
	}
}
