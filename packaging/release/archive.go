package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// maxFile bounds what is read of one file in an archive.
const maxFile = 1 << 28

// An archive is one that packaging/build has made.
type archive struct {
	target string // such as linux-armv6
	name   string // of the file
	sha256 string
	time   time.Time // of all files in it
	files  []file
	// What its programs contain, by path: the module itself is not among them.
	modules   []*debug.Module
	goVersion string
}

// A file is one in an archive, its name without the archive's root directory.
type file struct {
	name string
	mode int64
	data []byte
}

// file returns the data of a file, or an error that names it.
func (a *archive) file(name string) ([]byte, error) {
	for _, f := range a.files {
		if f.name == name {
			return f.data, nil
		}
	}
	return nil, fmt.Errorf("%s: no %s in it", a.name, name)
}

// readArchives reads all archives of a version in a directory, by name.
func readArchives(dir, version string) ([]*archive, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "gantiny-"+version+"-*"))
	if err != nil {
		return nil, err
	}
	var archives []*archive
	for _, p := range paths {
		root, packed := strings.CutSuffix(filepath.Base(p), ".tar.gz")
		zipped := false
		if !packed {
			if root, zipped = strings.CutSuffix(root, ".zip"); !zipped {
				continue
			}
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		a := &archive{target: strings.TrimPrefix(root, "gantiny-"+version+"-"), name: filepath.Base(p), sha256: digest(b)}
		if zipped {
			err = a.unzip(b, root)
		} else {
			err = a.untar(b, root)
		}
		if err == nil {
			err = a.readModules()
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		archives = append(archives, a)
	}
	if len(archives) == 0 {
		return nil, fmt.Errorf("%s: no archive of version %s", dir, version)
	}
	return archives, nil
}

func (a *archive) untar(b []byte, root string) error {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := a.add(h.Name, root, h.Mode, h.ModTime, r); err != nil {
			return err
		}
	}
}

func (a *archive) unzip(b []byte, root string) error {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if f.FileInfo().IsDir() {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = a.add(f.Name, root, int64(f.Mode().Perm()), f.Modified, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *archive) add(name, root string, mode int64, at time.Time, r io.Reader) error {
	inner, ok := strings.CutPrefix(path.Clean(name), root+"/")
	if !ok {
		return fmt.Errorf("%s is not in %s/", name, root)
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if len(data) > maxFile {
		return fmt.Errorf("%s has more than %d bytes", name, maxFile)
	}
	a.time = at
	a.files = append(a.files, file{inner, mode, data})
	return nil
}

// readModules finds out what the programs of an archive were built of.
func (a *archive) readModules() error {
	seen := map[string]*debug.Module{}
	programs := 0
	for _, f := range a.files {
		var info *debug.BuildInfo
		var err error
		switch {
		case strings.HasSuffix(f.name, ".wasm"):
			info, err = wasmBuildInfo(f.data)
		case strings.Contains(f.name, "/") || !strings.HasPrefix(f.name, "gantiny"):
			continue
		default:
			info, err = buildinfo.Read(bytes.NewReader(f.data))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		programs++
		if info.GoVersion != "" {
			a.goVersion = info.GoVersion
		}
		for _, m := range info.Deps {
			if m.Replace != nil {
				return fmt.Errorf("%s: %s is replaced", f.name, m.Path)
			}
			seen[m.Path] = m
		}
	}
	if programs == 0 || a.goVersion == "" {
		return errors.New("no program that Go built")
	}
	for _, m := range seen {
		a.modules = append(a.modules, m)
	}
	slices.SortFunc(a.modules, func(x, y *debug.Module) int { return strings.Compare(x.Path, y.Path) })
	return nil
}

// wasmBuildInfo finds what package debug/buildinfo finds in other programs: between two marks,
// which package runtime/debug cuts off (cmd/go/internal/modload/build.go).
func wasmBuildInfo(b []byte) (*debug.BuildInfo, error) {
	start, _ := hex.DecodeString("3077af0c9274080241e1c107e6d618e6")
	end, _ := hex.DecodeString("f932433186182072008242104116d8f2")
	_, rest, found := bytes.Cut(b, start)
	text, _, ended := bytes.Cut(rest, end)
	if !found || !ended {
		return nil, errors.New("says nothing about how it was built")
	}
	return debug.ParseBuildInfo(string(text))
}

// digest is the SHA-256 of bytes in hexadecimal digits.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
