package model_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gantiny/gantiny/conv"
	"github.com/gantiny/gantiny/internal/alloctest"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
)

// branches is a graph of latents and a class that has every int8 operator but the norms, which are
// in normed, described as files do; NAME stands for the geometry of that name.
const branches = `{"format":2,"name":"branches","inputs":[{"name":"z","shape":[1,1,10]},{"name":"class","classes":5}],"layers":[
{"kind":"qlatents","in":["z"],"step":65536},
{"kind":"qembedding","name":"e","in":["class"],"dim":6,"output":{"scale":0.03,"zero":5}},
{"kind":"qconcat","name":"c","in":["qlatents0","e"],"op":{},"output":{"scale":0.035,"zero":-10}},
{"kind":"qlinear","name":"d","in":["c"],"from":"dense","geometry":DENSE,"slope":0.25,"output":{"scale":0.05,"zero":-20}},
{"kind":"qaffine","name":"n","in":["d","class"],"shift":20,"output":{"scale":0.04,"zero":3}},
{"kind":"qtable","name":"t","in":["n"],"output":{"scale":0.06,"zero":-7}},
{"kind":"qnearest","name":"up","in":["t"],"op":{"h":6,"w":8,"mode":"nearest","coordinates":"half_pixel"},"output":{"scale":0.06,"zero":-7}},
{"kind":"qbilinear","name":"wide","in":["d"],"op":{"h":6,"w":8,"mode":"bilinear","coordinates":"half_pixel"},"output":{"scale":0.04,"zero":-20}},
{"kind":"qadd","name":"sum","in":["up","wide"],"output":{"scale":0.09,"zero":11}},
{"kind":"qglobalavgpool","name":"mean","in":["sum"],"op":{},"output":{"scale":0.02,"zero":-128}},
{"kind":"qmul","name":"gated","in":["sum","mean"],"output":{"scale":0.1,"zero":1}},
{"kind":"qmaxpool","name":"top","in":["gated"],"op":{"kernel":[3,2],"stride":[1,2],"pad":[1,1,0,0]}},
{"kind":"qavgpool","name":"avg","in":["gated"],"op":{"kernel":[3,3],"stride":[1,2],"pad":[1,1,1,1],"count_pad":false},"output":{"scale":0.08,"zero":1}},
{"kind":"qadd","name":"both","in":["top","avg"],"output":{"scale":0.12,"zero":127}},
{"kind":"qpad","name":"p","in":["both"],"op":{"pad":[0,0,1,2],"mode":"zero","value":-128},"output":{"scale":0.12,"zero":127}},
{"kind":"qslice","name":"cut","in":["p"],"op":{"from":[1,0,2],"size":[5,7,4]},"output":{"scale":0.1,"zero":100}},
{"kind":"qtranspose","name":"turned","in":["cut"],"op":{"perm":[1,0,2]},"output":{"scale":0.1,"zero":100}},
{"kind":"qpixelshuffle","name":"fine","in":["turned"],"op":{"factor":2},"output":{"scale":0.1,"zero":100}},
{"kind":"qreshape","name":"folded","in":["fine"],"h":10,"w":7,"c":2},
{"kind":"qlinear","name":"last","in":["folded"],"from":"conv2d","geometry":LAST,"slope":1,"output":{"scale":0.001953125,"zero":0},"tanh":true},
{"kind":"qdequantize","name":"features","in":["mean"]}],"outputs":["last","features"],"provenance":{}}`

// normed has the norms by image.
const normed = `{"format":2,"name":"normed","inputs":[{"name":"z","shape":[1,1,10]}],"layers":[
{"kind":"qlatents","in":["z"],"step":65536},
{"kind":"qlinear","name":"d","in":["qlatents0"],"from":"dense","geometry":FIRST,"slope":0.25,"output":{"scale":0.05,"zero":-20}},
{"kind":"qnorm","name":"n0","in":["d"],"from":"pixelnorm","epsilon":1e-8,"shift":14,"slope":1,"output":{"scale":0.03,"zero":9}},
{"kind":"qnorm","name":"n1","in":["n0"],"from":"instancenorm","epsilon":1e-5,"shift":14,"slope":0.2,"output":{"scale":0.04,"zero":-30}},
{"kind":"qnorm","name":"n2","in":["n1"],"from":"groupnorm","groups":2,"epsilon":1e-5,"shift":14,"slope":0,"output":{"scale":0.02,"zero":-128}},
{"kind":"qnorm","name":"n3","in":["n2"],"from":"layernorm","epsilon":0.001,"shift":14,"slope":1,"output":{"scale":0.03,"zero":0}},
{"kind":"qtable","name":"last","in":["n3"],"output":{"scale":1,"zero":0},"pixels":true}],"outputs":["last"],"provenance":{}}`

// branchesModel fills the graph with numbers of rng, integers in the main.
func branchesModel(t testing.TB) *model.Model { return filled(t, branches) }

func normedModel(t testing.TB) *model.Model { return filled(t, normed) }

func filled(t testing.TB, text string) *model.Model {
	t.Helper()
	for name, g := range map[string]conv.Geometry{"DENSE": conv.Dense(1, 1, 16, 3, 4, 8), "FIRST": conv.Dense(1, 1, 10, 5, 6, 4), "LAST": conv.Same(10, 7, 2, 3, 3, 1, false)} {
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		text = strings.Replace(text, name, string(b), 1)
	}
	m, err := model.Build([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s := rng.NewStream(rng.NewKey(11, rng.Sample))
	below := func(n int) int { return int(s.Below(uint32(2*n+1))) - n }
	for _, p := range m.Params() {
		for i := range p.Int8 {
			p.Int8[i] = int8(below(127))
		}
		most := map[string]int{"d.bias": 5000, "last.bias": 5000, "n.weight": 1 << 20, "n.bias": 1 << 25, "n.slope": 1 << 16}[p.Name]
		if m.Name == "normed" && p.Name != "d.bias" {
			most = map[bool]int{true: 1 << 20, false: 1 << 19}[strings.HasSuffix(p.Name, "weight")]
		}
		for i := range p.Int32 {
			p.Int32[i] = int32(below(most))
		}
		for i := range p.Data {
			p.Data[i] = float32(64+below(32)) / (1 << 14)
		}
	}
	m.Changed()
	return m
}

// TestBranches: the graph has every int8 operator, and the same bytes in any session and after a
// file.
func TestBranches(t *testing.T) {
	m := branchesModel(t)
	kinds := map[string]bool{}
	for _, l := range m.Layers() {
		kinds[l.Op.Kind()] = true
	}
	for _, l := range normedModel(t).Layers() {
		kinds[l.Op.Kind()] = true
	}
	for _, kind := range model.Kinds() {
		if strings.HasPrefix(kind, "q") && !kinds[kind] {
			t.Errorf("it has no %q", kind)
		}
	}
	levels := map[uint8]bool{}
	_, pix := exactOutputs(t, m, feedOf(m, 19))
	for _, p := range pix {
		levels[p] = true
	}
	if len(levels) < 100 {
		t.Errorf("only %d different pixels", len(levels))
	}
	checkSameBytes(t, m)
	checkFile(t, m)
	checkSameBytes(t, normedModel(t))
	checkFile(t, normedModel(t))

	s, err := m.NewSession(model.Options{Batch: 3, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	feed := model.Feed{In: feedOf(m, 3).in}
	for _, v := range m.Outputs() {
		feed.Out = append(feed.Out, model.Data{Floats: make([]float32, 3*v.Shape.Len())})
	}
	if allocs := alloctest.PerRun(func() {
		if err := s.RunFeed(t.Context(), feed); err != nil {
			t.Fatal(err)
		}
	}); allocs != 0 {
		t.Errorf("%d allocations a run", allocs)
	}
}

// TestBadGraphs: what an int8 graph cannot be is an error.
func TestBadGraphs(t *testing.T) {
	file := string(encodeBoth(t, branchesModel(t), nil))
	file = strings.Replace(file, `"crc32c"`, `"no sum"`, 1)
	for i, change := range [][2]string{
		{`\"output\":{\"scale\":0.09,`, `\"output\":{\"scale\":0.00,`}, {`\"output\":{\"scale\":0.09,`, `\"output\":{\"scale\":-9.0,`},
		{`\"scale\":0.09,\"zero\":11`, `\"scale\":0.9,\"zero\":311`}, {`\"scale\":0.09,`, `\"scale\":1e-9,`},
		{`\"value\":-128`, `\"value\":-129`}, {`\"value\":-128`, `\"value\":-1.5`}, {`\"shift\":20`, `\"shift\":63`},
		{`\"mode\":\"nearest\"`, `\"mode\":\"bilinear\"`}, {`\"mode\":\"bilinear\"`, `\"mode\":\"nearest\"`},
		{`\"in\":[\"d\",\"class\"]`, `\"in\":[\"class\",\"d\"]`}, {`\"in\":[\"d\",\"class\"]`, `\"in\":[\"d\",\"d\"]`},
		{`\"in\":[\"class\"],\"dim\":6`, `\"in\":[\"z\"],\"dim\":6`}, {`\"perm\":[1,0,2]`, `\"perm\":[1,1,2]`},
		{`\"outputs\":[\"last\"`, `\"outputs\":[\"lost\"`}, {`\"in\":[\"mean\"]`, `\"in\":[\"last\"]`},
	} {
		changed := strings.Replace(file, change[0], change[1], 1)
		if changed == file {
			t.Fatalf("change %d: nothing to change", i)
		}
		changed = headed(changed, len(changed)-len(file))
		if _, err := model.ReadInt8(strings.NewReader(changed), int64(len(changed))); err == nil || !strings.Contains(err.Error(), "model: ") {
			t.Errorf("%v: error %v", change, err)
		} else if strings.Contains(err.Error(), "safetensors") {
			t.Errorf("%v: the change has spoilt the file: %v", change, err)
		}
	}
}

// headed corrects the length of a .safetensors file's header that has grown by n bytes.
func headed(file string, n int) string {
	b := []byte(file)
	size := uint64(0)
	for i := 7; i >= 0; i-- {
		size = size<<8 | uint64(b[i])
	}
	size += uint64(n)
	for i := range 8 {
		b[i] = byte(size >> (8 * i))
	}
	return string(b)
}

// seeded are n images' inputs: latents of a seed, and all classes by turns.
func seeded(m *model.Model, n int, seed uint64) fed {
	f := fed{n: n}
	for i, v := range m.Inputs() {
		var d model.Data
		if v.Type.Kind == model.Class {
			for k := range n {
				d.Classes = append(d.Classes, int32(k%v.Type.Classes))
			}
		} else {
			d.Floats = make([]float32, n*v.Shape.Len())
			model.Latents(d.Floats, v.Shape.Len(), seed+uint64(i), 0)
		}
		f.in = append(f.in, d)
	}
	return f
}

// digest is the hash of the first output's pixels and of the further outputs' floats.
func digest(y [][]float32, pix []uint8) string {
	for _, x := range y[1:] {
		pix = fmt.Appendf(pix, "%x", x)
	}
	return sum(pix)
}
