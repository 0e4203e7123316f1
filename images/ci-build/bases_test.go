package main

import (
	"reflect"
	"strings"
	"testing"
)

const address = "localhost:5000"

func TestBasesAreThoseOfFromAndOfCopies(t *testing.T) {
	dockerfile := `# syntax=docker/dockerfile:1
ARG RELEASE=bookworm
ARG BASE=debian:${RELEASE}
FROM --platform=linux/amd64 ${BASE} AS Builder
RUN true
FROM builder AS tested
COPY --from=0 /a /a
COPY --from=builder /b /b
COPY --from=team/tool@sha256:00 /c /c
FROM scratch
COPY --from=tested /d /d
FROM localhost:5000/htmengine
FROM debian:bookworm
`
	bases, err := basesOf(strings.NewReader(dockerfile), nil, address)
	if err != nil {
		t.Fatal(err)
	}
	want := []base{
		{"debian:bookworm", "localhost:5000/debian:bookworm"},
		{"team/tool@sha256:00", "localhost:5000/team/tool@sha256:00"},
		{"localhost:5000/htmengine", "localhost:5000/htmengine:latest"},
	}
	if !reflect.DeepEqual(bases, want) {
		t.Errorf("got %v, want %v", bases, want)
	}
}

func TestBuildArgumentsChooseTheBase(t *testing.T) {
	bases, err := basesOf(strings.NewReader("ARG BASE\nFROM $BASE\n"), []string{"OTHER=a", "BASE=taurus"}, "r.example.com/team/a")
	if err != nil {
		t.Fatal(err)
	}
	if want := []base{{"taurus", "r.example.com/team/a/taurus:latest"}}; !reflect.DeepEqual(bases, want) {
		t.Errorf("got %v, want %v", bases, want)
	}
}

func TestWhatCanNotBeBuiltIsSaid(t *testing.T) {
	for dockerfile, message := range map[string]string{
		"FROM docker.io/library/debian:bookworm": "docker.io/library/debian:bookworm can't be had: the one registry that is reached is localhost:5000",
		"ARG BASE\nFROM $BASE":                   "FROM $BASE is empty: it needs a build argument",
		"FORM debian":                            "unknown instruction: FORM",
		"":                                       "file with no instructions",
	} {
		_, err := basesOf(strings.NewReader(dockerfile), nil, address)
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: got %v, want %s", dockerfile, err, message)
		}
	}
}
