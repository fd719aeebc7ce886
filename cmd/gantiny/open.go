package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gantiny/gantiny/cmd/gantiny/internal/display"
	"github.com/gantiny/gantiny/internal/sniff"
	"github.com/gantiny/gantiny/model/safetensors"
	"github.com/gantiny/gantiny/train"
)

// openNamed is openModel for commands: a file that is no model is an error that says what it is and
// what to do about it, and ctx ends the wait for one that does not come.
func openNamed(ctx context.Context, args []string, float bool) (network, error) {
	if len(args) == 0 {
		return openModel(args, float)
	}
	path := modelPath(args[0])
	if err := sniff.Model(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return network{}, err
	}
	n, err := unlessStopped(ctx, func() (network, error) { return openModel(args, float) })
	if err != nil && isCheckpoint(path) {
		generator := filepath.Join(filepath.Dir(path), train.GeneratorFile)
		if _, serr := os.Stat(generator); serr != nil {
			generator = train.GeneratorFile + " in the directory of the run"
		} else {
			generator = display.Quote(generator)
		}
		return n, fmt.Errorf("%s: a checkpoint of training; the generator of that run is %s", path, generator)
	}
	return n, err
}

// modelPath is the file that a MODEL names.
func modelPath(name string) string {
	if isDir(name) {
		return filepath.Join(name, train.GeneratorFile)
	}
	return name
}

// checkpointKey is in the metadata of checkpoints.
const checkpointKey = "gantiny.train"

func isCheckpoint(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	s, err := safetensors.Open(f, info.Size())
	return err == nil && s.Meta[checkpointKey] != ""
}

// cloneFloat is the embedded model in floats in the clone of the repository that the working
// directory is in, "" outside of one.
func cloneFloat() string {
	dir := cloneRoot()
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "zoo", "digits", "float.safetensors")
}

// cloneRoot is the clone of the repository that the working directory is in, "" outside of one.
func cloneRoot() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil {
			if !strings.HasPrefix(string(text), "module github.com/gantiny/gantiny\n") {
				return ""
			}
			return dir
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
		dir = filepath.Dir(dir)
	}
}

// unlessStopped returns what f returns, or ctx's error as soon as ctx ends: an f that waits for the
// other end of a pipe, or for a disk that does not answer, is left behind. So f must leave nothing
// half done.
func unlessStopped[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := f()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}
