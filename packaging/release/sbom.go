package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode"
)

// The parts of SPDX 2.3 (https://spdx.github.io/spdx-spec/v2.3/) that a release needs.
type spdxDocument struct {
	Version       string             `json:"spdxVersion"`
	License       string             `json:"dataLicense"`
	ID            string             `json:"SPDXID"`
	Name          string             `json:"name"`
	Namespace     string             `json:"documentNamespace"`
	Creation      spdxCreation       `json:"creationInfo"`
	Packages      []spdxPackage      `json:"packages"`
	Relationships []spdxRelationship `json:"relationships"`
}

type spdxCreation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID            string          `json:"SPDXID"`
	Name          string          `json:"name"`
	Version       string          `json:"versionInfo,omitempty"`
	File          string          `json:"packageFileName,omitempty"`
	Download      string          `json:"downloadLocation"`
	FilesAnalyzed bool            `json:"filesAnalyzed"`
	Checksums     []spdxChecksum  `json:"checksums,omitempty"`
	Source        string          `json:"sourceInfo,omitempty"`
	Concluded     string          `json:"licenseConcluded"`
	Declared      string          `json:"licenseDeclared"`
	Copyright     string          `json:"copyrightText"`
	References    []spdxReference `json:"externalRefs,omitempty"`
	Purpose       string          `json:"primaryPackagePurpose,omitempty"`
}

type spdxChecksum struct {
	Algorithm string `json:"algorithm"`
	Value     string `json:"checksumValue"`
}

type spdxReference struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type spdxRelationship struct {
	Element string `json:"spdxElementId"`
	Type    string `json:"relationshipType"`
	Related string `json:"relatedSpdxElement"`
}

const unsaid = "NOASSERTION"

// billOfMaterials lists, in SPDX 2.3, the archives, packages and images of a release, and what the
// programs in each of them contain, as the programs themselves say it: the modules, Go's own
// library, and the data that is embedded.
func billOfMaterials(version string, archives []*archive, sums []checksum, notice string) ([]byte, error) {
	name := "gantiny-" + version
	d := spdxDocument{Version: "SPDX-2.3", License: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: name,
		Namespace: downloadURL(version, name+".spdx.json"),
		Creation:  spdxCreation{archives[0].time.UTC().Format(time.RFC3339), []string{"Tool: gantiny-packaging-release-" + version}}}
	inAll := []spdxPackage{
		goPackage("github.com/gantiny/gantiny", "v"+version, "Apache-2.0", ""),
		{ID: "SPDXRef-data-MNIST", Name: "MNIST database, a subset", Download: "http://yann.lecun.com/exdb/mnist/", Concluded: "CC-BY-SA-3.0",
			Declared: "CC-BY-SA-3.0", Copyright: "Yann LeCun, Corinna Cortes and Christopher J. C. Burges"},
	}
	contents := map[string][]string{} // IDs of what is in the programs for a target
	listed := map[string]bool{}
	list := func(target string, p spdxPackage) {
		contents[target] = append(contents[target], p.ID)
		if !listed[p.ID] {
			listed[p.ID] = true
			d.Packages = append(d.Packages, p)
		}
	}
	for _, a := range archives {
		for _, p := range inAll {
			list(a.target, p)
		}
		list(a.target, goPackage("stdlib", strings.TrimPrefix(a.goVersion, "go"), "BSD-3-Clause", ""))
		for _, m := range a.modules {
			p, err := modulePackage(m, notice)
			if err != nil {
				return nil, err
			}
			list(a.target, p)
		}
	}
	for _, s := range sums {
		targets, purpose := productTargets(s.name, version, archives)
		if len(targets) == 0 {
			continue
		}
		id := "SPDXRef-file-" + spdxName(s.name)
		d.Packages = append(d.Packages, spdxPackage{ID: id, Name: s.name, Version: version, File: s.name, Download: downloadURL(version, s.name),
			Checksums: []spdxChecksum{{"SHA256", s.sha256}}, Concluded: unsaid, Declared: "Apache-2.0 AND CC-BY-SA-3.0", Copyright: "2026 The gantiny authors", Purpose: purpose})
		d.Relationships = append(d.Relationships, spdxRelationship{d.ID, "DESCRIBES", id})
		var all []string
		for _, t := range targets {
			all = append(all, contents[t]...)
		}
		slices.Sort(all)
		for _, part := range slices.Compact(all) {
			d.Relationships = append(d.Relationships, spdxRelationship{id, "CONTAINS", part})
		}
	}
	b, err := json.MarshalIndent(d, "", " ")
	return append(b, '\n'), err
}

// productTargets says for which targets the programs in a file of the release are, and what SPDX
// calls such a file.
func productTargets(name, version string, archives []*archive) (targets []string, purpose string) {
	debian := map[string]string{"linux-amd64": "_amd64.deb", "linux-arm64": "_arm64.deb", "linux-armv6": "_armhf.deb"}
	for _, a := range archives {
		_, linux := linuxPlatform(a.target)
		switch {
		case name == a.name:
			return []string{a.target}, "ARCHIVE"
		case debian[a.target] != "" && strings.HasSuffix(name, debian[a.target]):
			return []string{a.target}, "INSTALL"
		case name == "gantiny-"+version+"-"+a.target+".oci.tar":
			return []string{a.target}, "CONTAINER"
		case name == "gantiny-"+version+".oci.tar" && linux:
			targets, purpose = append(targets, a.target), "CONTAINER"
		}
	}
	return targets, purpose
}

// modulePackage is a module that programs contain.
func modulePackage(m *debug.Module, notice string) (spdxPackage, error) {
	license, err := licenseOf(m.Path, notice)
	if err != nil {
		return spdxPackage{}, err
	}
	return goPackage(m.Path, m.Version, license, m.Sum), nil
}

// goPackage is a module of Go's. sum is that of go.sum, empty for none.
func goPackage(path, version, license, sum string) spdxPackage {
	p := spdxPackage{ID: "SPDXRef-go-" + spdxName(path+"-"+version), Name: path, Version: version, Download: unsaid,
		Concluded: unsaid, Declared: license, Copyright: unsaid, Purpose: "LIBRARY",
		References: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}}}
	if sum != "" {
		p.Source = "go.sum: " + sum
		p.Download = "https://proxy.golang.org/" + escapeModule(path) + "/@v/" + escapeModule(version) + ".zip"
	}
	return p
}

// escapeModule writes capital letters as the module proxy wants them
// (https://go.dev/ref/mod#goproxy-protocol).
func escapeModule(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var notForIDs = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// spdxName is a name of letters, digits, dots and hyphens, as identifiers may have.
func spdxName(s string) string { return notForIDs.ReplaceAllString(s, "-") }

// licenseOf finds a module's license in NOTICE, whose lines have modules, a license and its owner
// in columns.
func licenseOf(path, notice string) (string, error) {
	for line := range strings.Lines(notice) {
		columns := regexp.MustCompile(` {2,}`).Split(strings.TrimSpace(line), 3)
		if len(columns) != 3 {
			continue
		}
		for name := range strings.SplitSeq(columns[0], ", ") {
			if name == path || "golang.org/"+name == path {
				return columns[1], nil
			}
		}
	}
	return "", fmt.Errorf("NOTICE does not name %s", path)
}
