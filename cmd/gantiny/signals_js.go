package main

import "os"

// wishes are the signals besides TERM that ask the program to end.
var wishes = []os.Signal{os.Interrupt}

// ignorePipes does nothing: there are no such signals here.
func ignorePipes() {}
