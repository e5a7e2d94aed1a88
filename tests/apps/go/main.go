package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
)

const version = "1"

func main() {
	// the link `current` is resolved
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		log.Fatal(err)
	}
	release := filepath.Base(filepath.Dir(program))
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "version %s, release %s\n", version, release)
	})
	log.Fatal(http.ListenAndServe(os.Getenv("LISTEN"), nil))
}
