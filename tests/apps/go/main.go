package main

import (
	"fmt"
	"log"
	"net"
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
	listener, err := listen()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}

func listen() (net.Listener, error) {
	if os.Getenv("LISTEN_FDS") != "" {
		return net.FileListener(os.NewFile(3, "socket"))
	}
	return net.Listen("tcp", os.Getenv("LISTEN"))
}
