// Command embed puts a trained generator into a package of the zoo: in 8-bit integers as
// generator.safetensors, which the package embeds, and as half-precision numbers as
// float.safetensors, for those who go on from its weights. Paths of the machine that trained it
// become the names at their ends.
//
//	go run ./zoo/embed -to zoo/digits RUN/generator.safetensors
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/gantiny/gantiny/model"
	"github.com/gantiny/gantiny/quant"
)

func main() {
	log.SetFlags(0)
	to := flag.String("to", "", "`folder` of the package")
	command := flag.String("command", "", "what the provenance says of how the model was made, in place of what the file says")
	flag.Parse()
	if flag.NArg() != 1 || *to == "" {
		log.Fatal("usage: embed -to FOLDER [-command TEXT] GENERATOR")
	}
	if err := embed(flag.Arg(0), *to, *command); err != nil {
		log.Fatal(err)
	}
}

func embed(from, to, command string) error {
	m, err := model.Load(from)
	if err != nil {
		return err
	}
	if command != "" {
		m.Provenance.Command = command
	}
	if err := neutral(&m.Provenance); err != nil {
		return err
	}
	// The bytes come from the rounded floats and from the seed that is gantiny quantize's default,
	// which so makes them again from the floats' file.
	half := model.SaveOptions{Half: true}
	var b bytes.Buffer
	if err := m.Encode(&b, half); err != nil {
		return err
	}
	if m, err = model.Read(bytes.NewReader(b.Bytes()), int64(b.Len())); err != nil {
		return err
	}
	q, _, err := m.Quantize(context.Background(), quant.Options{Seed: 1, Log: func(s string) { log.Print(s) }})
	if err != nil {
		return err
	}
	int8File, floatFile := filepath.Join(to, "generator.safetensors"), filepath.Join(to, "float.safetensors")
	if err := m.Save(floatFile, half); err != nil {
		return err
	}
	if err := q.Save(int8File, half); err != nil {
		return err
	}
	log.Printf("%s and %s: %+v", int8File, floatFile, m.Provenance)
	return nil
}

var absolute = regexp.MustCompile(`(^|[\s='"])((?:~|[A-Za-z]:)?[/\\][^\s'"]*|~)`)

// neutral takes the paths out of a provenance: what a file is called may stay, where it lay may
// not.
func neutral(p *model.Provenance) error {
	for _, s := range []*string{&p.Command, &p.Version, &p.Dataset} {
		*s = absolute.ReplaceAllStringFunc(*s, func(found string) string {
			start := found[:len(found)-len(strings.TrimLeft(found, " \t\n='\""))]
			return start + path.Base(strings.ReplaceAll(found[len(start):], `\`, "/"))
		})
		if absolute.MatchString(*s) {
			return fmt.Errorf("the provenance names a path: %q; say it without by -command", *s)
		}
	}
	if first, rest, ok := strings.Cut(p.Command, " "); ok && strings.HasPrefix(first, "gantiny") {
		p.Command = "gantiny " + rest // whatever that build was called
	}
	return nil
}
