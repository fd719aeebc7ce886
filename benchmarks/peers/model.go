package main

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gantiny/gantiny/export/onnxwrite"
	"github.com/gantiny/gantiny/internal/atomicfile"
	"github.com/gantiny/gantiny/internal/rng"
	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/onnx"
	"github.com/gantiny/gantiny/quant"
)

// This file times a model that somebody has, beside ONNX Runtime.

const installORT = "npm install onnxruntime-node, NODE_PATH=.../node_modules"

// modelPeers take part where --model names a file: ONNX Runtime on the file itself and, in int8, on
// what gantiny's own int8 model is in QDQ form.
var modelPeers = []contestant{
	{
		name: "gantiny float32", does: []string{"int8"},
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			return w.self("generate", batch, threads)
		},
	},
	{
		name: "ONNX Runtime", install: installORT, does: []string{"generate", "int8"},
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			path, err := filepath.Abs(w.model)
			if err != nil {
				return nil, err
			}
			return w.onnxRuntime(path, batch, threads)
		},
	},
	{
		name: "ONNX Runtime int8", note: ", QDQ", install: installORT, does: []string{"int8"},
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			path, err := w.modelFile("int8")
			if err != nil {
				return nil, err
			}
			return w.onnxRuntime(strings.TrimSuffix(path, filepath.Ext(path))+".onnx", batch, threads)
		},
	},
}

// onnxRuntime is ONNX Runtime on a file.
func (w *workshop) onnxRuntime(path string, batch, threads int) (*exec.Cmd, error) {
	if err := w.try("node", "-e", `try { require('onnxruntime-node') } catch (e) { console.error(e.message.split('\n')[0]); process.exit(1) }`); err != nil {
		return nil, err
	}
	return exec.CommandContext(w.ctx, "node", w.source("onnxruntime.js"), path, strconv.Itoa(batch), strconv.Itoa(threads)), nil
}

// modelFile is the model's file for gantiny: the one that --model names or, for int8, one that is
// made of it once, with the same in QDQ form beside it.
func (w *workshop) modelFile(what string) (string, error) {
	if what != "int8" {
		return w.model, nil
	}
	return w.once("int8.safetensors", func(path string) error {
		m, err := onnx.Load(w.model)
		if err != nil {
			return err
		}
		q, _, err := m.Quantize(w.ctx, quant.Options{Images: 64})
		if err != nil {
			return err
		}
		if err := q.Save(path, model.SaveOptions{}); err != nil {
			return err
		}
		return atomicfile.Write(strings.TrimSuffix(path, ".safetensors")+".onnx", func(out io.Writer) error {
			return onnxwrite.Write(out, q, onnxwrite.Options{})
		})
	})
}

// drawing runs a batch of any model on random numbers; pixels are what an int8 model makes.
func drawing(path string, o model.Options) (name string, work func() error, err error) {
	load := onnx.Load
	if strings.EqualFold(filepath.Ext(path), ".safetensors") {
		load = model.Load
	}
	m, err := load(path)
	if err != nil {
		return "", nil, err
	}
	s, err := m.NewSession(o)
	if err != nil {
		return "", nil, err
	}
	var f model.Feed
	for i, p := range m.Inputs() {
		var d model.Data
		if p.Type.Kind == model.Class {
			d.Classes = make([]int32, o.Batch)
		} else {
			d.Floats = make([]float32, o.Batch*p.Shape.Len())
			rng.FillNormal(d.Floats, rng.NewKey(uint64(i), rng.Sample), 0)
		}
		f.In = append(f.In, d)
	}
	for _, p := range m.Outputs() {
		n := o.Batch * p.Shape.Len()
		if p.Type.Kind == model.Pixel {
			f.Out = append(f.Out, model.Data{Pixels: make([]uint8, n)})
		} else {
			f.Out = append(f.Out, model.Data{Floats: make([]float32, n)})
		}
	}
	name = "gantiny float32"
	if m.Quantized() {
		name = "gantiny int8"
	}
	return fmt.Sprintf("%s, %s", name, m.Name), func() error { return s.RunFeed(context.Background(), f) }, nil
}
