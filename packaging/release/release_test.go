package main

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	testVersion = "1.2.3"
	testNotice  = "Dependencies\n  example.com/Mixed, example.com/other   MIT           Someone\n" +
		"  golang.org/x/sys, x/term, x/image      BSD-3-Clause  The Go Authors\n"
)

var testTime = time.Unix(1_700_000_000, 0)

// inMarks is what a program was built of, as Go's linker puts it into the program.
func inMarks(text string) []byte {
	start, _ := hex.DecodeString("3077af0c9274080241e1c107e6d618e6")
	end, _ := hex.DecodeString("f932433186182072008242104116d8f2")
	return slices.Concat(start, []byte(text), end)
}

// page is what a program for WebAssembly says about itself.
func page() []byte {
	return slices.Concat([]byte("\x00asm...."), inMarks("path\texample.com/page\ndep\texample.com/Mixed\tv1.0.0\th1:abc=\n"), []byte("...."))
}

// program is the least program that package debug/buildinfo reads: an ELF header, a segment of
// data, in it what Go says.
func program() []byte {
	text := inMarks("path\texample.com/program\ndep\texample.com/other\tv1.1.0\th1:def=\n")
	data := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	for _, s := range []string{"go1.26.0", string(text)} {
		data = append(binary.AppendUvarint(data, uint64(len(s))), s...)
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(elf.EM_X86_64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	})
	size := uint64(len(data))
	binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W), Off: 128, Vaddr: 4096, Filesz: size, Memsz: size})
	return slices.Concat(b.Bytes(), make([]byte, 8), data)
}

// writeArchive writes an archive as packaging/build does.
func writeArchive(t *testing.T, dir, target string, leaveOut ...string) {
	t.Helper()
	root := "gantiny-" + testVersion + "-" + target
	files := []file{
		{"gantiny", 0o755, program()}, {"gantiny-serve", 0o755, program()}, {"web/explorer.wasm", 0o644, page()}, {"web/wasm_exec.js", 0o644, []byte("js")},
		{"LICENSE", 0o644, []byte("license")}, {"NOTICE", 0o644, []byte("notice")}, {"THIRD-PARTY", 0o644, []byte("others")},
	}
	files = slices.DeleteFunc(files, func(f file) bool { return slices.Contains(leaveOut, f.name) })
	for i := range files {
		files[i].name = root + "/" + files[i].name
	}
	var b bytes.Buffer
	if strings.HasPrefix(target, "windows") {
		z := zip.NewWriter(&b)
		for _, f := range files {
			w, err := z.CreateHeader(&zip.FileHeader{Name: f.name, Modified: testTime})
			if err != nil {
				t.Fatal(err)
			}
			w.Write(f.data)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		root += ".zip"
	} else {
		packed, err := writeTar(files, testTime)
		if err != nil {
			t.Fatal(err)
		}
		z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed)
		z.Write(packed)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		root += ".tar.gz"
	}
	if err := os.WriteFile(filepath.Join(dir, root), b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestProducts: what is made of the archives is complete, says the same everywhere, and is the same
// bytes twice.
func TestProducts(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		for _, target := range []string{"linux-amd64", "linux-armv6", "darwin-arm64", "windows-amd64"} {
			writeArchive(t, dir, target)
		}
		if err := writeProducts(testVersion, dir, testNotice); err != nil {
			t.Fatal(err)
		}
		if err := writeChecksums(dir); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dirs[0], "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(filepath.Join(dirs[1], "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(sums, again) {
		t.Errorf("two releases differ:\n%s\n%s", sums, again)
	}
	var names []string
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		b, err := os.ReadFile(filepath.Join(dirs[0], name))
		if err != nil || digest(b) != sum {
			t.Errorf("%s: %s, %v", name, sum, err)
		}
		names = append(names, name)
	}
	want := []string{"gantiny-1.2.3-darwin-arm64.tar.gz", "gantiny-1.2.3-linux-amd64.oci.tar", "gantiny-1.2.3-linux-amd64.tar.gz",
		"gantiny-1.2.3-linux-armv6.oci.tar", "gantiny-1.2.3-linux-armv6.tar.gz", "gantiny-1.2.3-windows-amd64.zip", "gantiny-1.2.3.oci.tar",
		"gantiny-1.2.3.spdx.json", "gantiny.rb"}
	if !slices.Equal(names, want) {
		t.Errorf("SHA256SUMS has %q,\nwant %q", names, want)
	}
	checkBill(t, filepath.Join(dirs[0], "gantiny-1.2.3.spdx.json"), string(sums))
	checkLayout(t, filepath.Join(dirs[0], "gantiny-1.2.3.oci.tar"), []platform{{"amd64", "linux", ""}, {"arm", "linux", "v6"}})
	checkLayout(t, filepath.Join(dirs[0], "gantiny-1.2.3-linux-armv6.oci.tar"), []platform{{"arm", "linux", "v6"}})
}

// checkBill: each file that is described has its checksum and contents, and all IDs are of
// something.
func checkBill(t *testing.T, path, sums string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d spdxDocument
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	byID := map[string]spdxPackage{}
	for _, p := range d.Packages {
		if _, twice := byID[p.ID]; twice || p.ID == d.ID {
			t.Errorf("%s twice", p.ID)
		}
		byID[p.ID] = p
		if p.File != "" && !strings.Contains(sums, p.Checksums[0].Value+"  "+p.File+"\n") {
			t.Errorf("%s: its checksum is not that of SHA256SUMS", p.File)
		}
	}
	described, contained := 0, map[string][]string{}
	for _, r := range d.Relationships {
		if r.Type == "DESCRIBES" {
			described++
			continue
		}
		contained[byID[r.Element].File] = append(contained[byID[r.Element].File], byID[r.Related].Name)
	}
	if described != 7 || len(contained) != 7 {
		t.Errorf("%d files are described, %d have contents; want 7", described, len(contained))
	}
	for name, parts := range contained {
		for _, part := range []string{"github.com/gantiny/gantiny", "stdlib", "MNIST database, a subset", "example.com/Mixed", "example.com/other"} {
			if !slices.Contains(parts, part) {
				t.Errorf("%s: no %s in it, but %q", name, part, parts)
			}
		}
	}
	mixed := byID["SPDXRef-go-example.com-Mixed-v1.0.0"]
	if mixed.Declared != "MIT" || mixed.Download != "https://proxy.golang.org/example.com/!mixed/@v/v1.0.0.zip" || mixed.Source != "go.sum: h1:abc=" {
		t.Errorf("example.com/Mixed is %+v", mixed)
	}
}

// TestReadArchives: what is missing or wrong in archives is named.
func TestReadArchives(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(dir string)
		want    string
	}{
		"none": {func(string) {}, "no archive of version 1.2.3"},
		"no gzip": {func(dir string) {
			os.WriteFile(filepath.Join(dir, "gantiny-1.2.3-linux-amd64.tar.gz"), []byte("no archive"), 0o666)
		}, "gantiny-1.2.3-linux-amd64.tar.gz: gzip: invalid header"},
		"no zip": {func(dir string) {
			os.WriteFile(filepath.Join(dir, "gantiny-1.2.3-windows-amd64.zip"), []byte("no archive"), 0o666)
		}, "gantiny-1.2.3-windows-amd64.zip: zip: not a valid zip file"},
		"no programs": {func(dir string) {
			writeArchive(t, dir, "linux-amd64", "gantiny", "gantiny-serve", "web/explorer.wasm")
		}, "no program that Go built"},
	} {
		dir := t.TempDir()
		c.prepare(dir)
		if _, err := readArchives(dir, testVersion); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := wasmBuildInfo([]byte("\x00asm")); err == nil {
		t.Error("a program for WebAssembly that says nothing passed")
	}
	if _, err := licenseOf("example.com/unnamed", testNotice); err == nil {
		t.Error("a module that NOTICE does not name passed")
	}
	if got, err := licenseOf("golang.org/x/term", testNotice); got != "BSD-3-Clause" || err != nil {
		t.Errorf("golang.org/x/term: %q, %v", got, err)
	}
}

// TestRelease: nothing is built for a version without notes, of another form, or beside other
// files.
func TestRelease(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "other"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ version, out, want string }{
		{"1.2", t.TempDir(), "want it like v1.2.3"},
		{"1.2.3/../x", t.TempDir(), "want it like v1.2.3"},
		{"999.0.0", t.TempDir(), `no section "## 999.0.0"`},
		{"999.0.0-rc1", full, "is not empty"},
	} {
		if err := release(c.version, c.out, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("version %s: %v, want %q", c.version, err, c.want)
		}
	}
}

func TestReleaseNotes(t *testing.T) {
	const changelog = "# Changelog\n\n## Unreleased\n\n### Added\n- new\n\n## [1.10.0] - 2026-02-01\n\n### Fixed\n- ten\n\n## 1.1.0\n- one\n\n## 0.9.0\n\n"
	for _, c := range []struct{ version, want, fails string }{
		{"1.10.0", "### Fixed\n- ten\n", ""},
		{"1.1.0", "- one\n", ""},
		{"1.1.0-rc1", "### Added\n- new\n", ""},
		{"1.2.0", "", `no section "## 1.2.0"`},
		{"1x1.0", "", "no section"},
		{"0.9.0", "", "is empty"},
	} {
		got, err := releaseNotes(changelog, c.version)
		if got != c.want || (err == nil) != (c.fails == "") || err != nil && !strings.Contains(err.Error(), c.fails) {
			t.Errorf("%s: %q, %v; want %q, %q", c.version, got, err, c.want, c.fails)
		}
	}
}

func TestFormula(t *testing.T) {
	var archives []*archive
	for _, target := range []string{"darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64", "linux-armv7", "windows-amd64"} {
		archives = append(archives, &archive{target: target, name: "gantiny-1.2.3-" + target + ".tar.gz", sha256: digest([]byte(target))})
	}
	got, err := homebrewFormula(testVersion, archives)
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "gantiny.rb.golden")
	if *update {
		if err := write(golden, got); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v; got\n%s", err, got)
	}
	if _, err := homebrewFormula(testVersion, archives[4:]); err == nil {
		t.Error("a formula without archives passed")
	}
}
