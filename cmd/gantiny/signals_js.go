package main

import "os"

// hangups are sent when the terminal goes away, of which there is none here.
var hangups []os.Signal

// ignorePipes does nothing: there are no such signals here.
func ignorePipes() {}
