// Command release makes everything that a version is handed out as:
//
//	go run ./packaging/release VERSION [OUTDIR] [TARGET...]
//
// VERSION is v1.2.3, with or without the v. OUTDIR is dist/vVERSION by default and must be empty. A
// TARGET is one of packaging/build's, all of them by default. packaging/build makes the archives
// and the .deb files; this program reads the archives and writes beside them an image for
// containers for each Linux platform and one for all of them, a list of what the programs contain
// (SPDX), a Homebrew formula, the version's part of CHANGELOG.md, and SHA256SUMS over all of it.
// The same source, version and Go give the same bytes.
package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const repository = "https://github.com/gantiny/gantiny"

func main() {
	if len(os.Args) < 2 || strings.HasPrefix(os.Args[1], "-") {
		fmt.Fprintln(os.Stderr, "usage: go run ./packaging/release VERSION [OUTDIR] [TARGET...]")
		os.Exit(2)
	}
	version := strings.TrimPrefix(os.Args[1], "v")
	out := filepath.Join("dist", "v"+version)
	if len(os.Args) > 2 {
		out = cmp.Or(os.Args[2], out)
	}
	if err := release(version, out, os.Args[min(3, len(os.Args)):]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
	fmt.Println(out)
}

// release writes all files of a version into the empty directory out. It runs in the top directory
// of the repository.
func release(version, out string, targets []string) error {
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`).MatchString(version) {
		return fmt.Errorf("version %q: want it like v1.2.3 or v1.2.3-rc1", version)
	}
	changelog, err := os.ReadFile("CHANGELOG.md")
	if err != nil {
		return fmt.Errorf("not in the top directory of the repository: %w", err)
	}
	notice, err := os.ReadFile("NOTICE")
	if err != nil {
		return err
	}
	notes, err := releaseNotes(string(changelog), version)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(out); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty: remove it, or name another directory", out)
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}

	build := exec.Command("packaging/build", append([]string{version, out}, targets...)...)
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("packaging/build: %w", err)
	}
	if err := write(filepath.Join(out, "gantiny-"+version+"-notes.md"), []byte(notes)); err != nil {
		return err
	}
	if err := writeProducts(version, out, string(notice)); err != nil {
		return err
	}
	return writeChecksums(out)
}

// writeProducts writes what is made of the archives in out.
func writeProducts(version, out, notice string) error {
	archives, err := readArchives(out, version)
	if err != nil {
		return err
	}
	if err := writeImages(out, version, archives); err != nil {
		return err
	}
	formula, err := homebrewFormula(version, archives)
	if err != nil {
		return err
	}
	if err := write(filepath.Join(out, "gantiny.rb"), formula); err != nil {
		return err
	}
	sums, err := checksums(out)
	if err != nil {
		return err
	}
	list, err := billOfMaterials(version, archives, sums, notice)
	if err != nil {
		return err
	}
	return write(filepath.Join(out, "gantiny-"+version+".spdx.json"), list)
}

// writeChecksums writes SHA256SUMS, in the form that sha256sum -c reads.
func writeChecksums(out string) error {
	sums, err := checksums(out)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, s := range sums {
		fmt.Fprintf(&text, "%s  %s\n", s.sha256, s.name)
	}
	return write(filepath.Join(out, "SHA256SUMS"), []byte(text.String()))
}

// A checksum is that of one file of the release.
type checksum struct{ name, sha256 string }

// checksums are those of all files of a directory but SHA256SUMS, by name.
func checksums(dir string) ([]checksum, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var sums []checksum
	for _, e := range entries {
		if e.Name() == "SHA256SUMS" {
			continue
		}
		f, err := os.Open(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		h := sha256.New()
		_, err = io.Copy(h, f)
		f.Close()
		if err != nil {
			return nil, err
		}
		sums = append(sums, checksum{e.Name(), hex.EncodeToString(h.Sum(nil))})
	}
	return sums, nil
}

// write writes a file that all may read, whatever the umask is.
func write(path string, b []byte) error {
	if err := os.WriteFile(path, b, 0o644); err != nil {
		return err
	}
	return os.Chmod(path, 0o644)
}
