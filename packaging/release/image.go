package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The media types of the OCI image specification 1.1.
const (
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// nobody is the user that the program in a container is, where the container's starter names none.
const nobody = "65532:65532"

// A descriptor points to a blob
// (https://github.com/opencontainers/image-spec/blob/v1.1.0/descriptor.md).
type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Platform    *platform         `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

type manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	Config        descriptor        `json:"config"`
	Layers        []descriptor      `json:"layers"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

type index struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Manifests     []descriptor `json:"manifests"`
}

type imageConfig struct {
	Created time.Time `json:"created"`
	platform
	Config struct {
		User         string              `json:"User"`
		ExposedPorts map[string]struct{} `json:"ExposedPorts"`
		Entrypoint   []string            `json:"Entrypoint"`
		WorkingDir   string              `json:"WorkingDir"`
		Labels       map[string]string   `json:"Labels"`
	} `json:"config"`
	RootFS struct {
		Type    string   `json:"type"`
		DiffIDs []string `json:"diff_ids"`
	} `json:"rootfs"`
	History []history `json:"history"`
}

type history struct {
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
}

// saved is an entry of manifest.json, by which "docker load" of any age finds what a layout holds.
type saved struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// An imageLayout is the content of an OCI image layout: blobs by path, each once.
type imageLayout map[string][]byte

// add adds a blob.
func (l imageLayout) add(mediaType string, b []byte) descriptor {
	sum := digest(b)
	l["blobs/sha256/"+sum] = b
	return descriptor{MediaType: mediaType, Digest: "sha256:" + sum, Size: len(b)}
}

// addJSON adds a value as a blob of JSON.
func (l imageLayout) addJSON(mediaType string, v any) (descriptor, error) {
	b, err := json.Marshal(v)
	return l.add(mediaType, b), err
}

// writeImages writes an image for each archive of Linux, gantiny-VERSION-TARGET.oci.tar, and
// gantiny-VERSION.oci.tar with all of them.
func writeImages(dir, version string, archives []*archive) error {
	all := imageLayout{}
	images := index{2, typeIndex, nil}
	var newest time.Time
	for _, a := range archives {
		p, ok := linuxPlatform(a.target)
		if !ok {
			continue
		}
		one := imageLayout{}
		m, err := addImage(one, version, a, p)
		if err != nil {
			return err
		}
		for name, b := range one {
			if name != "manifest.json" {
				all[name] = b
			}
		}
		images.Manifests = append(images.Manifests, m)
		newest = a.time
		if err := writeLayout(filepath.Join(dir, "gantiny-"+version+"-"+a.target+".oci.tar"), one, named(m, version), a.time); err != nil {
			return err
		}
	}
	if len(images.Manifests) == 0 {
		return nil
	}
	d, err := all.addJSON(typeIndex, images)
	if err != nil {
		return err
	}
	return writeLayout(filepath.Join(dir, "gantiny-"+version+".oci.tar"), all, named(d, version), newest)
}

// linuxPlatform is what a target of packaging/build is called in images.
func linuxPlatform(target string) (*platform, bool) {
	arch, ok := strings.CutPrefix(target, "linux-")
	p := &platform{Architecture: arch, OS: "linux"}
	if v, arm := strings.CutPrefix(arch, "armv"); arm {
		p.Architecture, p.Variant = "arm", "v"+v
	}
	return p, ok
}

// named is a descriptor with the names by which podman, skopeo, umoci and containerd list it.
func named(d descriptor, version string) descriptor {
	d.Annotations = map[string]string{
		"org.opencontainers.image.ref.name": version,
		"io.containerd.image.name":          "docker.io/library/gantiny:" + version,
	}
	return d
}

// addImage adds the image of an archive to an empty layout: one layer, its configuration and its
// manifest.
func addImage(l imageLayout, version string, a *archive, p *platform) (descriptor, error) {
	layer, err := imageLayer(a)
	if err != nil {
		return descriptor{}, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(layer); err != nil {
		return descriptor{}, err
	}
	if err := z.Close(); err != nil {
		return descriptor{}, err
	}
	at := a.time.UTC()
	c := imageConfig{Created: at, platform: *p}
	c.Config.User = nobody
	c.Config.ExposedPorts = map[string]struct{}{"8080/tcp": {}}
	c.Config.Entrypoint = []string{"/usr/bin/gantiny"}
	c.Config.WorkingDir = "/pictures"
	c.Config.Labels = map[string]string{
		"org.opencontainers.image.title":    "gantiny",
		"org.opencontainers.image.version":  version,
		"org.opencontainers.image.source":   repository,
		"org.opencontainers.image.licenses": "Apache-2.0",
	}
	c.RootFS.Type = "layers"
	c.RootFS.DiffIDs = []string{"sha256:" + digest(layer)}
	c.History = []history{{at, "packaging/release " + version}}

	config, err := l.addJSON(typeConfig, c)
	if err != nil {
		return descriptor{}, err
	}
	content := l.add(typeLayer, packed.Bytes())
	m, err := l.addJSON(typeManifest, manifest{2, typeManifest, config, []descriptor{content}, c.Config.Labels})
	if err != nil {
		return descriptor{}, err
	}
	m.Platform = p
	l["manifest.json"], err = json.Marshal([]saved{{blobPath(config), []string{"gantiny:" + version}, []string{blobPath(content)}}})
	return m, err
}

func blobPath(d descriptor) string {
	return "blobs/sha256/" + strings.TrimPrefix(d.Digest, "sha256:")
}

// imageLayer is the file system of an image as a tar archive: where a Debian package has them, the
// programs, the explorer page and the papers; and two directories in which anyone may write.
func imageLayer(a *archive) ([]byte, error) {
	files := []file{
		{name: "tmp/", mode: 0o1777},
		{name: "pictures/", mode: 0o1777},
	}
	for from, to := range map[string]string{
		"gantiny":           "usr/bin/gantiny",
		"gantiny-serve":     "usr/bin/gantiny-serve",
		"web/explorer.wasm": "usr/share/gantiny/web/explorer.wasm",
		"web/wasm_exec.js":  "usr/share/gantiny/web/wasm_exec.js",
		"LICENSE":           "usr/share/doc/gantiny/LICENSE",
		"NOTICE":            "usr/share/doc/gantiny/NOTICE",
		"THIRD-PARTY":       "usr/share/doc/gantiny/THIRD-PARTY",
	} {
		data, err := a.file(from)
		if err != nil {
			return nil, err
		}
		mode := int64(0o644)
		if path.Dir(to) == "usr/bin" {
			mode = 0o755
		}
		files = append(files, file{to, mode, data})
	}
	for _, dir := range []string{"usr/", "usr/bin/", "usr/share/", "usr/share/doc/", "usr/share/doc/gantiny/", "usr/share/gantiny/", "usr/share/gantiny/web/"} {
		files = append(files, file{name: dir, mode: 0o755})
	}
	return writeTar(files, a.time)
}

// writeLayout writes a layout whose entry is one image or one index as a tar archive.
func writeLayout(name string, l imageLayout, entry descriptor, at time.Time) error {
	list, err := json.Marshal(index{2, typeIndex, []descriptor{entry}})
	if err != nil {
		return err
	}
	files := []file{
		{name: "blobs/", mode: 0o755},
		{name: "blobs/sha256/", mode: 0o755},
		{"index.json", 0o644, list},
		{"oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`)},
	}
	for name, b := range l {
		files = append(files, file{name, 0o644, b})
	}
	b, err := writeTar(files, at)
	if err != nil {
		return err
	}
	return write(name, b)
}

// writeTar makes a tar archive of files, by name, that all belong to root and have one time. The
// name of a directory ends in a slash.
func writeTar(files []file, at time.Time) ([]byte, error) {
	slices.SortFunc(files, func(x, y file) int { return strings.Compare(x.name, y.name) })
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		kind := byte(tar.TypeReg)
		if strings.HasSuffix(f.name, "/") {
			kind = tar.TypeDir
		}
		h := &tar.Header{Typeflag: kind, Name: f.name, Mode: f.mode, Size: int64(len(f.data)), ModTime: at, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		if _, err := w.Write(f.data); err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
