//go:build !js

package main

import "fmt"

func main() {
	fmt.Println("This program runs in a browser: GOOS=js GOARCH=wasm go build -o digits.wasm")
}
