package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// This file times what a browser would run, under Node.js: this program in WebAssembly beside ONNX
// Runtime Web. All of them read the network from a file.

var nodeGantiny = contestant{
	name: "gantiny",
	command: func(w *workshop, what string, batch, _ int) (*exec.Cmd, error) {
		return w.selfInNode(what, batch, "")
	},
}

var nodePeers = []contestant{
	{
		name: "gantiny float32", does: []string{"int8"},
		command: func(w *workshop, _ string, batch, _ int) (*exec.Cmd, error) {
			return w.selfInNode("generate", batch, "")
		},
	},
	{
		name: "gantiny go", does: []string{"generate", "int8"},
		command: func(w *workshop, what string, batch, _ int) (*exec.Cmd, error) {
			return w.selfInNode(what, batch, "go")
		},
	},
	{
		name: "ONNX Runtime Web", install: "npm install onnxruntime-web, NODE_PATH=.../node_modules", does: []string{"generate", "int8"},
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			if err := w.try("node", "-e", `try { require('onnxruntime-web') } catch (e) { console.error(e.message.split('\n')[0]); process.exit(1) }`); err != nil {
				return nil, err
			}
			return exec.CommandContext(w.ctx, "node", w.source("onnxruntime.js"), w.model, strconv.Itoa(batch), strconv.Itoa(threads), "onnxruntime-web"), nil
		},
	},
}

// selfInNode is this program as a contestant under Node.js, with a row of kernels or the best one.
func (w *workshop) selfInNode(what string, batch int, kernel string) (*exec.Cmd, error) {
	program, err := w.once("peers.wasm", func(path string) error {
		c := exec.CommandContext(w.ctx, "go", "build", "-o", path, "github.com/gantiny/gantiny/benchmarks/peers")
		c.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
		if out, err := c.CombinedOutput(); err != nil {
			return errors.New("go build" + lastLine(out))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	root, err := exec.CommandContext(w.ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return nil, err
	}
	file, err := w.modelFile(what)
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(w.ctx, filepath.Join(strings.TrimSpace(string(root)), "lib", "wasm", "go_js_wasm_exec"),
		program, "--serve", what, strconv.Itoa(batch), "1", file)
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "GANTINY_KERNEL=" + kernel} // no more: Go's loader has little room for it
	return c, nil
}
