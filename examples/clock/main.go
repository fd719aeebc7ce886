// Command clock writes the time of day as a picture, clock.png, anew for each minute: four digits
// that nobody has written before. A frame, a wallpaper or a web page that reads the file never
// meets half of one.
package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/gantiny/gantiny"
	"github.com/gantiny/gantiny/zoo/digits"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	g := gantiny.Must(gantiny.Read(digits.Bytes()))
	defer g.Close()
	for {
		now := time.Now()
		if err := write(ctx, g, "clock.png", now); err != nil {
			log.Fatal(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(now.Truncate(time.Minute).Add(time.Minute))):
		}
	}
}

// write replaces the file by the picture of a time.
func write(ctx context.Context, g *gantiny.Generator, path string, at time.Time) error {
	m, err := face(ctx, g, at)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b.Bytes(), 0o666); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// face draws hours and minutes. The minute is the seed: a minute has one picture, wherever it is
// drawn.
func face(ctx context.Context, g *gantiny.Generator, at time.Time) (image.Image, error) {
	const colon = 8 // pixels between hours and minutes
	minute := uint64(at.Unix() / 60)
	var m *image.Gray
	for i, c := range fmt.Sprintf("%02d%02d", at.Hour(), at.Minute()) {
		images, err := g.Draw(ctx, gantiny.Request{Seed: minute, First: i, Class: gantiny.Class(int(c - '0'))})
		if err != nil {
			return nil, err
		}
		size := images[0].Bounds().Size()
		if m == nil {
			m = image.NewGray(image.Rect(0, 0, 4*size.X+colon, size.Y))
			for _, y := range []int{size.Y / 3, size.Y * 2 / 3} {
				draw.Draw(m, image.Rect(2*size.X+3, y-1, 2*size.X+5, y+1), image.White, image.Point{}, draw.Src)
			}
		}
		left := image.Pt(i*size.X+i/2*colon, 0)
		draw.Draw(m, image.Rectangle{Min: left, Max: left.Add(size)}, images[0], image.Point{}, draw.Src)
	}
	return m, nil
}
