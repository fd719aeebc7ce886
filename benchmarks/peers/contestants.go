package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

//go:embed src
var sources embed.FS

// A contestant is a program that prepares one kind of work and then times it when asked.
type contestant struct {
	name    string
	note    string   // behind what it calls itself
	install string   // what to install where it is missing
	does    []string // kinds of work
	scaled  bool     // takes part where the network is the reference network for other images
	command func(w *workshop, what string, batch, threads int) (*exec.Cmd, error)
}

// gantiny runs as a process too, so that nothing but the work differs.
var gantiny = contestant{
	name:    "gantiny",
	command: (*workshop).self,
}

const installDNNL = "apt-get install g++ libdnnl-dev (2.x), or PEERS_ONEDNN where it lies"

var peers = []contestant{
	{
		name: "gantiny float32", does: []string{"int8"},
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			return w.self("generate", batch, threads)
		},
	},
	{
		name: "oneDNN", install: installDNNL, does: []string{"generate", "int8", "train"}, scaled: true,
		command: (*workshop).onednn,
	},
	{
		name: "oneDNN s8", install: installDNNL, does: []string{"int8"}, scaled: true,
		command: func(w *workshop, _ string, batch, threads int) (*exec.Cmd, error) {
			return w.onednn("s8", batch, threads)
		},
	},
	{
		name: "ONNX Runtime", install: "npm install onnxruntime-node, NODE_PATH=.../node_modules; PyTorch and python3-onnx to write its model", does: []string{"generate", "int8"},
		command: func(w *workshop, what string, batch, threads int) (*exec.Cmd, error) {
			onnx, err := w.once("generator.onnx", func(path string) error {
				py, err := w.torch()
				if err != nil {
					return fmt.Errorf("its model: %w", err)
				}
				return w.try(py, w.source("pytorch.py"), "export", path)
			})
			if err != nil {
				return nil, err
			}
			return w.onnxRuntime(onnx, batch, threads)
		},
	},
	{
		name: "XNNPACK", install: "apt-get install gcc libxnnpack-dev libpthreadpool-dev, or PEERS_XNNPACK where it lies", does: []string{"generate", "int8"}, scaled: true,
		command: func(w *workshop, what string, batch, threads int) (*exec.Cmd, error) {
			at := installation(os.Getenv("PEERS_XNNPACK"))
			libs := []string{"-lXNNPACK"}
			libs = append(libs, at.has("xnnpack-microkernels-prod")...)
			libs = append(libs, "-lpthreadpool")
			libs = append(libs, at.has("cpuinfo")...)
			return w.compiled("xnnpack.c", []string{"gcc", "-O2"}, at, append(libs, "-lstdc++", "-lm"), what, batch, threads)
		},
	},
	{
		name: "ncnn", install: "g++ and ncnn, or PEERS_NCNN where it lies", does: []string{"generate"}, scaled: true,
		command: func(w *workshop, what string, batch, threads int) (*exec.Cmd, error) {
			at := installation(os.Getenv("PEERS_NCNN"))
			return w.compiled("ncnn.cpp", []string{"g++", "-O2", "-fopenmp"}, at, []string{"-lncnn"}, what, batch, threads)
		},
	},
	{
		name: "PyTorch", install: "apt-get install python3-torch", does: []string{"generate", "train"},
		command: func(w *workshop, what string, batch, threads int) (*exec.Cmd, error) {
			py, err := w.torch()
			if err != nil {
				return nil, err
			}
			return w.program(threads, py, w.source("pytorch.py"), what, strconv.Itoa(batch), strconv.Itoa(threads)), nil
		},
	},
}

// A workshop is a temporary folder with the peers' sources and what was built from them.
type workshop struct {
	ctx    context.Context
	dir    string
	python string
	model  string           // the file to time in place of the reference network, "" for none
	sizes  []string         // of the images where they are not the reference network's: for contestants that are scaled
	made   map[string]error // what once has tried
}

func newWorkshop(ctx context.Context, python string) (*workshop, error) {
	dir, err := os.MkdirTemp("", "gantiny-peers-")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(dir, sources); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &workshop{ctx: ctx, dir: dir, python: python, made: make(map[string]error)}, nil
}

func (w *workshop) close() { os.RemoveAll(w.dir) }

func (w *workshop) source(name string) string { return filepath.Join(w.dir, "src", name) }

// once makes the file called name at the path that it returns; whether that worked is remembered.
func (w *workshop) once(name string, build func(path string) error) (string, error) {
	path := filepath.Join(w.dir, name)
	if _, tried := w.made[name]; !tried {
		w.made[name] = build(path)
	}
	return path, w.made[name]
}

// try runs a program to its end. Its error is the end of what the program said.
func (w *workshop) try(name string, args ...string) error {
	out, err := exec.CommandContext(w.ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w%s", name, err, lastLine(out))
	}
	return nil
}

// An installation is the folder with the include and lib of a library that the compiler does not
// find by itself, "" where it does.
type installation string

// flags are those by which the compiler finds the library, and the program its shared objects.
func (i installation) flags() []string {
	if i == "" {
		return nil
	}
	flags := []string{"-I" + filepath.Join(string(i), "include")}
	for _, lib := range i.libs() {
		flags = append(flags, "-L"+lib, "-Wl,-rpath,"+lib)
	}
	return flags
}

func (i installation) libs() []string {
	return []string{filepath.Join(string(i), "lib"), filepath.Join(string(i), "lib64")}
}

// check reports a folder without include: the compiler would take the version that it finds by itself.
func (i installation) check() error {
	if i == "" {
		return nil
	}
	include := filepath.Join(string(i), "include")
	if info, err := os.Stat(include); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no folder", include)
	}
	return nil
}

// has returns the flag for a library that only some versions have, where it is there.
func (i installation) has(name string) []string {
	for _, lib := range i.libs() {
		if found, _ := filepath.Glob(filepath.Join(lib, "lib"+name+".*")); i != "" && found != nil {
			return []string{"-l" + name}
		}
	}
	return nil
}

// onednn is oneDNN, of either generation.
func (w *workshop) onednn(what string, batch, threads int) (*exec.Cmd, error) {
	return w.compiled("onednn.cpp", []string{"g++", "-O2", "-fopenmp"}, installation(os.Getenv("PEERS_ONEDNN")), []string{"-ldnnl"}, what, batch, threads)
}

// compiled is a contestant in C or C++, which is compiled once.
func (w *workshop) compiled(source string, compiler []string, at installation, libs []string, what string, batch, threads int) (*exec.Cmd, error) {
	path, err := w.once(strings.TrimSuffix(source, filepath.Ext(source)), func(path string) error {
		if err := at.check(); err != nil {
			return err
		}
		return w.try(compiler[0], slices.Concat(compiler[1:], []string{w.source(source), "-o", path}, at.flags(), libs)...)
	})
	if err != nil {
		return nil, err
	}
	return w.program(threads, path, append([]string{what, strconv.Itoa(batch), strconv.Itoa(threads)}, w.sizes...)...), nil
}

// self is this program as a contestant.
func (w *workshop) self(what string, batch, threads int) (*exec.Cmd, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"--serve", what, strconv.Itoa(batch), strconv.Itoa(threads)}
	if w.model != "" {
		file, err := w.modelFile(what)
		if err != nil {
			return nil, err
		}
		args = append(args, file)
	}
	c := exec.CommandContext(w.ctx, path, args...)
	c.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(threads))
	return c, nil
}

// program is a command whose OpenMP pool has the given size.
func (w *workshop) program(threads int, name string, args ...string) *exec.Cmd {
	c := exec.CommandContext(w.ctx, name, args...)
	c.Env = append(os.Environ(), "OMP_NUM_THREADS="+strconv.Itoa(threads))
	return c
}

// torch finds a Python that has PyTorch.
func (w *workshop) torch() (string, error) {
	if w.python != "" {
		return w.python, w.try(w.python, "-c", "import torch")
	}
	var err error
	for _, py := range []string{"python3", "/usr/bin/python3"} {
		if err = w.try(py, "-c", "import torch"); err == nil {
			w.python = py
			return py, nil
		}
	}
	return "", err
}

// lastLine is the end of what a program wrote, to be put behind an error.
func lastLine(out []byte) string {
	s := strings.TrimSpace(string(out))
	if s == "" {
		return ""
	}
	return ": " + s[strings.LastIndexByte(s, '\n')+1:]
}
