package main

import "syscall/js"

// main gives the page a function: digit(class, seed) is an ImageData, or an Error.
func main() {
	js.Global().Set("digit", js.FuncOf(func(_ js.Value, args []js.Value) any {
		pixels, width, err := digit(args[0].Int(), uint64(args[1].Int()))
		if err != nil {
			return js.Global().Get("Error").New(err.Error())
		}
		array := js.Global().Get("Uint8ClampedArray").New(len(pixels))
		js.CopyBytesToJS(array, pixels)
		return js.Global().Get("ImageData").New(array, width)
	}))
	select {} // the function is called until the page is closed
}
