package main

import (
	"bytes"
	_ "embed"
	"errors"
	"text/template"
)

//go:embed formula.rb.tmpl
var formulaText string

// A download is an archive as a formula names it.
type download struct{ URL, SHA256 string }

// homebrewFormula is the formula by which Homebrew installs the archives for macOS and for Linux,
// as far as they are among those given.
func homebrewFormula(version string, archives []*archive) ([]byte, error) {
	data := struct {
		Homepage, Version string
		// By system, then by processor, in Homebrew's words.
		Downloads map[string]map[string]download
	}{repository, version, map[string]map[string]download{}}
	for _, a := range archives {
		place := map[string][2]string{
			"darwin-amd64": {"macos", "intel"}, "darwin-arm64": {"macos", "arm"},
			"linux-amd64": {"linux", "intel"}, "linux-arm64": {"linux", "arm"},
		}[a.target]
		if place[0] == "" {
			continue
		}
		if data.Downloads[place[0]] == nil {
			data.Downloads[place[0]] = map[string]download{}
		}
		data.Downloads[place[0]][place[1]] = download{downloadURL(version, a.name), a.sha256}
	}
	if len(data.Downloads) == 0 {
		return nil, errors.New("none of the targets is one that Homebrew runs on")
	}
	var b bytes.Buffer
	err := template.Must(template.New("formula").Parse(formulaText)).Execute(&b, data)
	return b.Bytes(), err
}

// downloadURL is where a file of a release is to be had.
func downloadURL(version, name string) string {
	return repository + "/releases/download/v" + version + "/" + name
}
