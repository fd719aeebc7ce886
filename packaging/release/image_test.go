package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// checkLayout follows a layout from index.json to the files of each image, as a program that
// unpacks it does, and compares all sizes and digests.
func checkLayout(t *testing.T, path string, platforms []platform) {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content := untar(t, packed)
	if string(content["oci-layout"].data) != `{"imageLayoutVersion":"1.0.0"}` {
		t.Errorf("%s: oci-layout is %q", path, content["oci-layout"].data)
	}
	blob := func(d descriptor, v any) []byte {
		b := content[blobPath(d)].data
		if d.Size != len(b) || d.Digest != "sha256:"+digest(b) {
			t.Fatalf("%s: %+v has %d bytes, digest %s", path, d, len(b), digest(b))
		}
		if v != nil {
			if err := json.Unmarshal(b, v); err != nil {
				t.Fatal(err)
			}
		}
		return b
	}
	var images index
	if err := json.Unmarshal(content["index.json"].data, &images); err != nil {
		t.Fatal(err)
	}
	if len(images.Manifests) != 1 || images.Manifests[0].Annotations["org.opencontainers.image.ref.name"] != testVersion {
		t.Errorf("%s: index.json is %s", path, content["index.json"].data)
	}
	if images.Manifests[0].MediaType == typeIndex {
		blob(images.Manifests[0], &images)
	}
	var found []platform
	for _, d := range images.Manifests {
		var m manifest
		var c imageConfig
		blob(d, &m)
		blob(m.Config, &c)
		found = append(found, *d.Platform)
		if c.platform != *d.Platform || c.Config.User != nobody || !c.Created.Equal(testTime) {
			t.Errorf("%s: the configuration of %+v is %+v", path, *d.Platform, c)
		}
		z, err := gzip.NewReader(bytes.NewReader(blob(m.Layers[0], nil)))
		if err != nil {
			t.Fatal(err)
		}
		layer, err := io.ReadAll(z)
		if err != nil || c.RootFS.DiffIDs[0] != "sha256:"+digest(layer) {
			t.Errorf("%s: the layer is %s, %v; the configuration says %s", path, digest(layer), err, c.RootFS.DiffIDs)
		}
		checkLayer(t, untar(t, layer))
	}
	if !slices.Equal(found, platforms) {
		t.Errorf("%s is for %+v, want %+v", path, found, platforms)
	}
}

// checkLayer: the programs are executable, and anyone may write where they work.
func checkLayer(t *testing.T, files map[string]file) {
	t.Helper()
	for name, mode := range map[string]int64{"usr/bin/gantiny": 0o755, "usr/bin/gantiny-serve": 0o755, "pictures/": 0o1777, "tmp/": 0o1777,
		"usr/share/gantiny/web/explorer.wasm": 0o644, "usr/share/doc/gantiny/LICENSE": 0o644} {
		f, ok := files[name]
		if !ok || f.mode != mode || len(f.data) == 0 != strings.HasSuffix(name, "/") {
			t.Errorf("%s: mode %o, %d bytes, there: %v", name, f.mode, len(f.data), ok)
		}
	}
}

// untar reads a tar archive, in which directories must come before what is in them.
func untar(t *testing.T, b []byte) map[string]file {
	t.Helper()
	files := map[string]file{}
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if dir, _, nested := cutLast(strings.TrimSuffix(h.Name, "/")); nested {
			if _, ok := files[dir+"/"]; !ok {
				t.Errorf("%s comes before its directory", h.Name)
			}
		}
		if h.Uid != 0 || h.Gid != 0 || !h.ModTime.Equal(testTime) {
			t.Errorf("%s: owner %d:%d, time %v", h.Name, h.Uid, h.Gid, h.ModTime)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = file{h.Name, h.Mode, data}
	}
}

func cutLast(name string) (before, after string, found bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

// TestImages: what an image needs is named where an archive lacks it; without Linux there is none.
func TestImages(t *testing.T) {
	dir := t.TempDir()
	writeArchive(t, dir, "linux-arm64", "gantiny-serve")
	archives, err := readArchives(dir, testVersion)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeImages(dir, testVersion, archives); err == nil || !strings.Contains(err.Error(), "gantiny-1.2.3-linux-arm64.tar.gz: no gantiny-serve") {
		t.Errorf("an image without gantiny-serve: %v", err)
	}
	empty := t.TempDir()
	if err := writeImages(empty, testVersion, []*archive{{target: "darwin-arm64"}}); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(empty); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := writeLayout("/no/such/directory/x.tar", imageLayout{}, descriptor{}, testTime); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a layout that cannot be written: %v", err)
	}
}
