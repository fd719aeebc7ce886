package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What cannot be written is said before the work: these look at what a flag names, and leave
// nothing there.

// checkFile is for a file that will be made, or replaced.
func checkFile(flag, path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return usagef("%s %s: is a folder", flag, path)
	case err == nil && !info.Mode().IsRegular():
		return nil // a device or a pipe takes what it takes
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: %w", flag, path, reason(err))
	}
	dir := filepath.Dir(path)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		dir = filepath.Dir(target) // what a link points to is replaced in its place
	}
	if err := tryFolder(flag, path, dir); err == nil || !writable(path) {
		return err
	}
	return nil // in a folder that takes no new file, one's own is written in place
}

// writable tells whether a file is there and may be written to.
func writable(path string) bool {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	return err == nil && f.Close() == nil
}

// checkFolder is for a folder that will be made where it is not there, with those above it.
func checkFolder(flag, path string) error {
	if strings.TrimSpace(path) == "-" {
		return usagef("%s -: wants a folder", flag)
	}
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		_, err := os.Stat(dir)
		if err == nil || !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return tryFolder(flag, path, dir)
		}
	}
}

// tryFolder finds out whether a file can be made in dir, in which path is to be.
func tryFolder(flag, path, dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: there is no folder %s", flag, path, dir)
	case err != nil:
		return fmt.Errorf("%s %s: %w", flag, path, reason(err))
	case !info.IsDir():
		return fmt.Errorf("%s %s: %s is no folder", flag, path, dir)
	}
	if err := tryWriting(dir); err != nil {
		return fmt.Errorf("%s %s: cannot write in %s: %w", flag, path, dir, reason(err))
	}
	return nil
}

// reason takes the path off an error of package os.
func reason(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// checkModelFile refuses a name that would make a model in gantiny's own form look like something
// else.
func checkModelFile(flag, path string) error {
	if path == "-" {
		return usagef("%s -: a model goes into a file, not to standard output", flag)
	}
	if ext := filepath.Ext(path); slices.Contains([]string{".onnx", ".c", ".npz", ".tflite", ".pth", ".pt"}, ext) {
		return usagef("%s %s: a model is written as .safetensors; 'gantiny export' makes .onnx, .c and .npz of it", flag, path)
	}
	return nil
}

// checkNotInput refuses to write a file over one of those that are read for it, by whatever name.
func checkNotInput(flag, out string, inputs ...string) error {
	at, err := os.Stat(out)
	if err != nil || !at.Mode().IsRegular() {
		return nil
	}
	for _, name := range inputs {
		if in, err := os.Stat(name); err == nil && os.SameFile(at, in) {
			return usagef("%s %s: is the same file as %s, which would be lost; name another", flag, out, name)
		}
	}
	return nil
}
